"""querytower mcp: the index as tools of an agent on this machine."""

import os
from pathlib import Path

from infra.cli.commands.options import IndexName, ModelFolder, StoreUrl


def mcp(store: StoreUrl, name: IndexName = "default", model: ModelFolder = Path("model")) -> None:
    """Speak the Model Context Protocol on standard input and output, for desktop clients.

    QUERYTOWER_… variables hold the other settings. The log goes to standard error.
    """
    from infra.cli.mcp_stdio import run

    run(
        {
            **os.environ,
            "QUERYTOWER_STORE": store,
            "QUERYTOWER_INDEX": name,
            "QUERYTOWER_MODEL": str(model.absolute()),
        }
    )
