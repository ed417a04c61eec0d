"""querytower settings: what can be set, and what is."""

import os

from rich.console import Console
from rich.table import Table


def settings() -> None:
    """Show every setting of the function: its variable, value and meaning."""
    from handler.settings import SETTINGS, Settings

    Settings.from_mapping(os.environ)
    table = Table("variable", "default", "set to", "meaning")
    for setting in SETTINGS:
        table.add_row(setting.name, setting.default, os.environ.get(setting.name, ""), setting.help)
    Console().print(table)
