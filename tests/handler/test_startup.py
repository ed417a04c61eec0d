"""What must happen before other packages are imported, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import handler


def printed(code: str) -> str:
    """Return what a fresh Python prints that runs `code`."""
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    root = Path(handler.__file__).parents[1]
    arguments = [sys.executable, "-c", code]
    done = subprocess.run(
        arguments, cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_onnxruntime_is_imported_with_its_telemetry_off() -> None:
    code = """
import os, sys
from importlib.abc import MetaPathFinder

class Watch(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            print(os.environ.get("ORT_DISABLE_TELEMETRY"))

sys.meta_path.insert(0, Watch())
import handler.encoder
"""
    assert printed(code) == "1"


def test_the_function_starts_without_the_models_of_openapi() -> None:
    code = """
import handler.main
from fastapi.openapi.models import OpenAPI
from pydantic import BaseModel
print(OpenAPI.__pydantic_complete__, "defer_build" in BaseModel.model_config)
handler.main.http.app.openapi()
print(OpenAPI.__pydantic_complete__)
"""
    assert printed(code).splitlines() == ["False False", "True"]
