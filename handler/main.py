"""Lambda entry points: reads the settings, composes the parts, and nothing else."""

import os
from functools import cache

from mangum import Mangum

from handler.app import create_app
from handler.errors import QuerytowerError
from handler.log import log
from handler.service import Service
from handler.settings import Settings

settings = Settings.from_mapping(os.environ)


@cache
def service() -> Service:
    """Return the one service of this process; a failure is not remembered."""
    return Service.open(settings)


def warm_up() -> None:
    """Load model and index and encode once, so that the first caller need not wait for it."""
    try:
        service().encoder.encode(["warm up"], "query")
        service().index()
    except QuerytowerError as error:
        log("warm_up_failed", problem=str(error))


# Lifespan off: Mangum would start and stop the application at every invocation.
http = Mangum(create_app(settings, service), lifespan="off")

if os.environ.get("_HANDLER", "").endswith(".http"):
    warm_up()
