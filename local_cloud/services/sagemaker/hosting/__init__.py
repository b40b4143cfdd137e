"""Models and endpoints: instances behind ports, invocations, traffic, scaling."""
