"""dropserve.toml: what commands are told about each stage, instead of long lists of options."""
