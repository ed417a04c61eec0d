"""querytower settings: what can be set, and what is."""

import os

from rich.console import Console
from rich.table import Table

from handler.urls import shown_url
from infra.cli.commands.options import AsJson

URLS = ("QUERYTOWER_STORE", "QUERYTOWER_CORPUS")


def settings(as_json: AsJson = False) -> None:
    """Show every setting of the function: its variable, value and meaning."""
    from handler.settings import SETTINGS, Settings
    from infra.cli.as_json import print_json

    Settings.from_mapping(os.environ)
    if as_json:
        print_json(
            [
                {
                    "variable": setting.name,
                    "default": setting.default,
                    "value": _value(setting.name),
                    "meaning": setting.help,
                }
                for setting in SETTINGS
            ]
        )
        return
    table = Table("variable", "default", "set to", "meaning")
    for setting in SETTINGS:
        table.add_row(setting.name, setting.default, _value(setting.name) or "", setting.help)
    Console().print(table)


def _value(name: str) -> str | None:
    value = os.environ.get(name)
    return shown_url(value) if value and name in URLS else value
