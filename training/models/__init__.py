"""The networks: pretrained backbones, the linear head, and training of both."""
