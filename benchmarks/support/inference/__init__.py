"""The inference function and its peers, as processes that a runtime would start."""
