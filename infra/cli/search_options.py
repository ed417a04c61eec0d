"""The options of a search as options of a command."""

import inspect
from collections.abc import Callable
from typing import Annotated, TypeVar, get_origin

import typer
from pydantic.fields import FieldInfo

from handler.search.request import SearchRequest

Command = TypeVar("Command", bound=Callable[..., None])

SHORT = {"k": "-k"}


def with_search_options(command: Command) -> Command:
    """Replace `**options` of a command by one option per field of SearchRequest.

    The command receives them by the names of the fields: numbers and switches as such, everything
    else as text. The query is the command's own argument.
    """
    signature = inspect.signature(command, eval_str=True)
    own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
    fields = SearchRequest.model_fields.items()
    added = [_parameter(name, field) for name, field in fields if name != "query"]
    command.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in [*own, *added]}
    return command


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    kind = field.annotation if field.annotation in (int, float, bool) else str
    help_text = field.description or ""
    if get_origin(field.annotation) is list:
        help_text = help_text.rstrip(".") + ", separated by commas."
    names = [f"--{name.replace('_', '-')}", *([SHORT[name]] if name in SHORT else [])]
    option = typer.Option(*names, help=help_text)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=(field.default or "") if kind is str else field.default,
        annotation=Annotated[kind, option],
    )
