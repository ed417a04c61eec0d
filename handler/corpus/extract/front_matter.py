"""Front matter: what a document says about itself above its text, in YAML or TOML."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import cache
from typing import Any

# A block between two rules. Whether it is front matter depends on what it holds.
YAML_BLOCK = re.compile(
    r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
TOML_BLOCK = re.compile(r"\A\+\+\+[ \t]*\n(.*?)^\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
FIRST_FIELD = re.compile(
    r"\A(?:[ \t]*(?:#.*)?\n)*[\"']?[A-Za-z_][\w .-]*[\"']?[ \t]*:(?:[ \t]|$)", re.MULTILINE
)
FIELD_LINE = re.compile(r"^([A-Za-z_][\w .-]*?)[ \t]*:(?:[ \t]+(.*))?$")
ITEM_LINE = re.compile(r"^[ \t]*-[ \t]+(.+)$")

MAX_CHARS = 100_000
MAX_VALUES = 10_000
MAX_DEPTH = 20

# Fields that hold lists, even where somebody wrote them as one text.
LISTS = {"tags", "tag", "categories", "keywords", "aliases", "alias"}
# Jekyll and Obsidian separate these by spaces as well.
SPACED_LISTS = {"tags", "tag", "categories"}

# As YAML, Hugo, Jekyll and Obsidian write dates; ISO 8601 wants two digits, a T and no spaces.
DATE = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})"
    r"(?:(?:[Tt]|[ \t]+)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?"
    r"(?:[ \t]*(Z|UTC|GMT)|[ \t]*([+-]\d{1,2})(?::?(\d{2}))?)?)?"
)
WIKI_LINK = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]")
TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|<%.*?%>", re.DOTALL)


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Return the fields of a document's front matter and the text below it.

    Values are texts, true or false, lists and mappings of them; numbers stay as they are spelled,
    so that "1.10" or "007" lose nothing. Dates are in ISO 8601. A block that is no mapping is part
    of the text: a rule above a poem begins none. Where YAML is broken, lines of "name: value" are
    read as far as they go.
    """
    if match := TOML_BLOCK.match(text):
        fields = _toml(match[1])
    elif match := YAML_BLOCK.match(text):
        fields = _yaml(match[1])
    else:
        return {}, text
    if fields is None:
        return {}, text
    return {name: _listed(name, value) for name, value in fields.items()}, text[match.end() :]


def split_templated(text: str) -> tuple[dict[str, Any], str]:
    """Return front matter and text as `split_front_matter` does; below it, templates are taken out.

    So has Jekyll it in pages of HTML: those without front matter are no templates.
    """
    fields, body = split_front_matter(text)
    return fields, body if body is text else TEMPLATE.sub("", body)


def _toml(block: str) -> dict[str, Any] | None:
    try:
        return _plain_fields(tomllib.loads(block))
    except (ValueError, RecursionError):
        return None


def _yaml(block: str) -> dict[str, Any] | None:
    """Read a block, or return None where it has no field."""
    if not block.strip():
        return {}
    if not FIRST_FIELD.match(block):
        return None
    if len(block) <= MAX_CHARS:
        import yaml

        try:
            found = yaml.load(block, _loader())  # noqa: S506 - a safe loader with fewer types
            if isinstance(found, Mapping):
                return _plain_fields(found)
        except (yaml.YAMLError, ValueError, TypeError, RecursionError):
            pass
    return _plain_fields(_lines(block))


@cache
def _loader() -> Any:
    """Return PyYAML's safe loader without the guesses that lose text.

    YAML 1.1 reads 12:30 as 750, 010 as 8 and `no` as false. Types are inferred over the whole corpus
    instead. Unknown tags are ignored.
    """
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def untagged(loader: Any, _tag: str, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node)

    null = re.compile(r"(?:~|null|Null|NULL|)\Z")
    truth = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
    Loader.add_implicit_resolver("tag:yaml.org,2002:null", null, ["~", "n", "N", ""])
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", truth, list("tTfF"))
    Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"<<\Z"), ["<"])
    Loader.add_multi_constructor("", untagged)
    return Loader


def _lines(block: str) -> dict[str, Any]:
    """Read lines of `name: value`, and items below a name, from a block that is no YAML."""
    fields: dict[str, Any] = {}
    name = ""
    for line in block.splitlines():
        if field := FIELD_LINE.match(line):
            name = field[1]
            fields[name] = _unquoted(field[2] or "")
        elif (item := ITEM_LINE.match(line)) and name:
            items = fields[name] if isinstance(fields[name], list) else []
            fields[name] = [*items, _unquoted(item[1])]
    return fields


def _unquoted(value: str) -> str:
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def _plain_fields(fields: Mapping[Any, Any]) -> dict[str, Any]:
    left = [MAX_VALUES]
    plain = {str(name): _plain(value, left, MAX_DEPTH) for name, value in fields.items()}
    return {name: value for name, value in plain.items() if value not in (None, "", [])}


def _plain(value: Any, left: list[int], depth: int) -> Any:
    """Return a value as JSON has it.

    Raises:
        ValueError: there are too many values, as where aliases repeat each other.
    """
    left[0] -= 1
    if left[0] < 0 or depth < 0:
        raise ValueError("front matter has too many values")
    if isinstance(value, Mapping):
        return {str(k): _plain(v, left, depth - 1) for k, v in value.items()}
    if isinstance(value, list | tuple | set):
        items = [_plain(item, left, depth - 1) for item in value]
        return [item for item in items if item not in (None, "")]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return _clean(value) if isinstance(value, str) else value


def _clean(text: str) -> str:
    text = WIKI_LINK.sub(r"\1", TEMPLATE.sub("", text)).strip()
    match = DATE.fullmatch(text)
    return _iso_date(match) if match else text


def _iso_date(match: re.Match[str]) -> str:
    """Return a date in ISO 8601, or as it was if there is no such day."""
    year, month, day, hour, minute, second, fraction, zero, offset, rest = match.groups()
    text = f"{year}-{int(month):02}-{int(day):02}"
    if hour:
        text += f"T{int(hour):02}:{minute}:{second or '00'}"
        text += f".{fraction[:6]:0<6}" if fraction else ""
    if zero:
        text += "Z"
    elif offset:
        text += f"{offset[0]}{int(offset[1:]):02}:{rest or '00'}"
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return match[0]
    return text


def _listed(name: str, value: Any) -> Any:
    """Return lists that were written as one text as lists, and tags without their #."""
    key = name.lower()
    if key not in LISTS:
        return value
    if isinstance(value, str):
        spaced = key in SPACED_LISTS and "," not in value
        value = value.split() if spaced else [part.strip() for part in value.split(",")]
    if not isinstance(value, list):
        return value
    items = [item.removeprefix("#") if isinstance(item, str) else item for item in value]
    return [item for item in items if item != ""]
