"""The command line: each command parses, calls one function, and shows what it returns."""

import re
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

from handler.errors import QuerytowerError, install_command

try:
    import typer
except ImportError:  # the base install is the function's, which has no command line
    sys.exit(f"the command line needs more packages; install them with: {install_command('cli')}")

# "" in the repository, "querytower." in a wheel (setup.py).
PARENT = __package__.removesuffix("infra.cli")

# Each module defines a function, or a group of commands, of the command's name.
COMMANDS = (
    "export",
    "index",
    "search",
    "serve",
    "mcp",
    "demo",
    "invoke",
    "package",
    "settings",
    "indexes",
    "status",
    "insights",
    "eval",
    "rules",
    "reindex",
    "versions",
    "rollback",
    "compact",
    "prune",
    "diff",
)
# Tantivy reports failed writes as ValueErrors that quote the system's error in several forms.
SYSTEM_ERROR = re.compile(r"\bos error|\bio(::)?error", re.IGNORECASE)

app = typer.Typer(
    name="querytower",
    help="Semantic search as one small serverless function.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name in COMMANDS:
    command = getattr(import_module(f"{PARENT}infra.cli.commands.{name}"), name)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name)(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"querytower {version('querytower')} on Python {sys.version.split()[0]}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Semantic search as one small serverless function."""


def main() -> None:
    """Run a command; a known failure is one line on stderr and exit code 1."""
    try:
        app()
    except QuerytowerError as error:
        sys.exit(f"querytower: {error}")
    except OSError as error:
        problem = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        sys.exit(_disk_problem(problem))
    except ValueError as error:
        if not SYSTEM_ERROR.search(str(error)):
            raise
        sys.exit(_disk_problem(str(error)))


def _disk_problem(problem: str) -> str:
    return (
        f"querytower: {problem}; "
        "check the path, its permissions and the space left there and in TMPDIR"
    )
