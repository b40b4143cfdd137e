"""Training and serving of the classifier; runs in a container, on an instance or by hand."""

import sys

# OpenVINO and NNCF count their users at a server by this package, which pip installs with them; without it
# they go on in silence.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
