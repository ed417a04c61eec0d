"""The command line: each command parses, calls one function, and shows what it returns."""

import re
import sys
from importlib import import_module

from handler.errors import QuerytowerError, install_command

try:
    import typer
except ImportError:  # the base install is the function's, which has no command line
    sys.exit(f"the command line needs more packages; install them with: {install_command('cli')}")

# Each module defines a function of the command's name.
COMMANDS = (
    "export",
    "index",
    "search",
    "serve",
    "demo",
    "invoke",
    "package",
    "settings",
    "eval",
    "reindex",
    "versions",
    "rollback",
    "prune",
    "diff",
)

app = typer.Typer(
    name="querytower",
    help="Semantic search as one small serverless function.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name in COMMANDS:
    app.command(name)(getattr(import_module(f"infra.cli.commands.{name}"), name))


def main() -> None:
    """Run a command; an error is one line on stderr and exit code 1."""
    try:
        app()
    except QuerytowerError as error:
        sys.exit(f"querytower: {error}")
    except (OSError, ValueError) as error:
        # Tantivy's failures to write are ValueErrors that quote the system's error, in several forms.
        if isinstance(error, ValueError) and not re.search(
            r"\bos error|\bio(::)?error", str(error), re.I
        ):
            raise
        path = getattr(error, "filename", None)
        problem = f"{path}: {error.strerror}" if isinstance(error, OSError) and path else str(error)
        sys.exit(
            f"querytower: {problem}; check the path, its permissions and the space left there and in TMPDIR"
        )
