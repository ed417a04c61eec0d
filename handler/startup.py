"""Effects that must precede the import of other packages. No other module has any at import."""

import os


def disable_telemetry() -> None:
    """Keep ONNX Runtime from sending usage data; it reads the variable when it is imported.

    Version 1.32 and later send data unless the variable is set. `handler/__init__.py` calls this,
    so that it happens before any module of this package can import ONNX Runtime.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def import_fastapi() -> None:
    """Import FastAPI without building its models of the OpenAPI format.

    Only /openapi.json needs those models, and pydantic builds them when they are first used.
    Building them at import took an eighth of the function's start. Calls after the first, or after
    somebody else imported FastAPI, change nothing.
    """
    from pydantic import BaseModel

    BaseModel.model_config["defer_build"] = True
    try:
        import fastapi  # noqa: F401
    finally:
        del BaseModel.model_config["defer_build"]
