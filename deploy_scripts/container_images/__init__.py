"""The container images of a deployment: built where there are none of their content, named by digest."""
