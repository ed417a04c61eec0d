"""Remedies in messages: the commands, options, settings and extras that they name exist."""

import ast
import re
import tomllib
from collections.abc import Iterator

import pytest
import typer

from handler.errors import install_command
from handler.settings import SETTINGS
from infra.cli.main import COMMANDS, app
from tests.test_architecture import ROOT, sources, tree

# Set by the user or by Lambda and read by commands on a laptop; docs/settings.md names them.
OTHER_VARIABLES = {"QUERYTOWER_EXPORT_CACHE", "QUERYTOWER_VECTOR_BUCKET"}


def texts() -> Iterator[tuple[str, str]]:
    """Yield module and text of each literal in the three programs, docstrings left out."""
    for name in sources():
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree(name))
            if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree(name)):
            if not isinstance(node, ast.Constant) or id(node) in docstrings:
                continue
            if isinstance(node.value, str):
                yield name, node.value


def named(pattern: str) -> set[str]:
    """Return what the group of `pattern` finds in the literals."""
    return {found for _, text in texts() for found in re.findall(pattern, text)}


def test_commands_exist() -> None:
    found = named(r"(?:with|run|see|command)s?:? querytower ([a-z]+)")
    assert {"index", "export", "demo"} <= found
    assert found <= {*COMMANDS}


def test_options_exist() -> None:
    group = typer.main.get_command(app)
    options = {
        option
        for command in group.commands.values()  # type: ignore[attr-defined]
        for parameter in command.params
        for option in [*parameter.opts, *parameter.secondary_opts]
    }
    found = named(
        r"(?:with|or|lower|raise|than|by|without|say|try|give|use) (--[a-z]+(?:-[a-z]+)*)"
    )
    assert {"--converter", "--max-rejects"} <= found
    assert found <= options


def test_settings_exist() -> None:
    found = named(r"(QUERYTOWER_[A-Z_]*[A-Z])")
    assert "QUERYTOWER_CACHE" in found
    assert found - OTHER_VARIABLES <= {setting.name for setting in SETTINGS}


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert named(r"run: make ([a-z]+)") <= targets


def test_extras_exist_and_are_installed_from_the_clone() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    calls = {
        node.args[-1].value
        for name in sources()
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in ("install_command", "missing_library")
        and isinstance(node.args[-1], ast.Constant)
    }
    assert {"parquet", "export"} <= calls
    assert calls <= {*project["optional-dependencies"]}
    # No registry has the package, so only a wheel, which somebody published, may ask one.
    assert install_command("parquet") == 'pip install -e ".[parquet]"'
    by_hand = {text for _, text in texts() if re.search(r"pip install [\"']?querytower", text)}
    assert by_hand <= {'pip install "querytower['}


@pytest.mark.parametrize("name", ["README.md", "docs"])
def test_pages_ask_no_registry_for_the_package(name: str) -> None:
    path = ROOT / name
    pages = [path] if path.is_file() else [*path.glob("*.md")]
    assert not [page for page in pages if "pip install querytower" in page.read_text("utf-8")]
