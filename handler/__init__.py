"""Everything that runs inside the function: encode, search, serve, load, reindex."""

import os

# ONNX Runtime 1.32 sends usage data unless this is set before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
