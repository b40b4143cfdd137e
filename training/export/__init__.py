"""The inference engine: OpenVINO. docs/engine.md says why this one."""
