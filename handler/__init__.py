"""Everything that runs inside the function: encode, search, serve, load, reindex."""

from handler.startup import disable_telemetry

disable_telemetry()
