"""HTTP: application, routes, requests, answers, problems."""

from pydantic import BaseModel

# FastAPI declares all of OpenAPI as models, of which only /docs has a use: they are built when that comes up.
BaseModel.model_config["defer_build"] = True
import fastapi  # noqa: E402, F401

del BaseModel.model_config["defer_build"]
