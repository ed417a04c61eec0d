"""JSON from storage: its types and bounds are checked before anything believes it.

The checks are pydantic-core's, strict. Their schemas are made from dataclasses here, and not by
pydantic, which takes 11 ms for three of them at the start of a function; this takes 1.
"""

from collections.abc import Callable, Hashable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic_core import CoreSchema, SchemaValidator, ValidationError, core_schema

T = TypeVar("T")

MAX_SHOWN = 100
# Beyond that, a text is refused unread. Listings of objects are the longest: some 150 bytes for each.
MAX_BYTES = 256 << 20

# Bounds that fields name: `Annotated[int, Bound(ge=0)]`. The keys are those of pydantic's schemas.
Bound = MappingProxyType[str, Any]


def bound(**limits: Any) -> Bound:
    """Return bounds of a field, such as ge, le, max_length or pattern, for use in `Annotated`."""
    return MappingProxyType(limits)


Count = Annotated[int, bound(ge=0, le=2**53)]
Name = Annotated[str, bound(min_length=1, max_length=200)]
Sha256 = Annotated[str, bound(pattern="^[0-9a-f]{64}$")]


class Garbled(ValueError):
    """A text is not the JSON it should be; the message names the field and the problem."""


def read_json(kind: type[T], data: str | bytes) -> T:
    """Return the value of type `kind` that `data` has as JSON. Fields that `kind` lacks are ignored.

    Args:
        kind: a dataclass, or a list, dict or tuple of plain types.
        data: the text, in UTF-8.

    Raises:
        Garbled: it is not JSON, nested too deep, or a field is missing, has another type or is out
            of its bounds.
    """
    if len(data) > MAX_BYTES:
        raise Garbled(f"{len(data):,} bytes are more than {MAX_BYTES:,}")
    try:
        value: T = _validator(cast(Hashable, kind)).validate_json(data)
    except ValidationError as cause:
        raise Garbled(_first_problem(cause)) from None
    return value


def _first_problem(cause: ValidationError) -> str:
    """Return place and problem of the first error, without what was found, which may be long."""
    error = cause.errors(include_url=False, include_input=False, include_context=False)[0]
    message = error["msg"][:1].lower() + error["msg"][1:]
    place = ".".join(str(part) for part in error["loc"])
    return f"{shortened(place)}: {message}" if place else message


def shortened(text: str) -> str:
    """Return a text from a file as a message may repeat it: printable, and not too long."""
    plain = "".join(each if each.isprintable() else "?" for each in text[:MAX_SHOWN])
    return plain if len(text) <= MAX_SHOWN else f"{plain}…"


@cache
def _validator(kind: Hashable) -> SchemaValidator:
    return SchemaValidator(_schema(kind))


def _schema(kind: Any, limits: Any = MappingProxyType({})) -> CoreSchema:
    """Return pydantic-core's schema of a type: a dataclass, a container or a plain type."""
    if is_dataclass(kind):
        return _dataclass_schema(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _schema(inner[0], inner[1])
    if origin is Literal:
        return core_schema.literal_schema([*inner])
    if origin is list:
        return core_schema.list_schema(_schema(inner[0]), **limits)
    if origin is dict:
        keys, values = (_schema(each) for each in inner)
        return core_schema.dict_schema(keys, values, **limits)
    if origin is tuple:
        return core_schema.tuple_schema([_schema(each) for each in inner], strict=True)
    if kind is Any:
        return core_schema.any_schema()
    plain: dict[Any, Callable[..., CoreSchema]] = {
        str: core_schema.str_schema,
        int: core_schema.int_schema,
        float: core_schema.float_schema,
        bool: core_schema.bool_schema,
    }
    return plain[kind](strict=True, **limits)


def _dataclass_schema(kind: Any) -> CoreSchema:
    hints = get_type_hints(kind, include_extras=True)
    entries = []
    for field in fields(kind):
        schema = _schema(hints[field.name])
        if field.default is not MISSING or field.default_factory is not MISSING:
            schema = core_schema.with_default_schema(
                schema,
                **(
                    {"default": field.default}
                    if field.default is not MISSING
                    else {"default_factory": field.default_factory}
                ),
            )
        entries.append(core_schema.dataclass_field(field.name, schema, kw_only=True))
    arguments = core_schema.dataclass_args_schema(kind.__name__, entries, extra_behavior="ignore")
    names = [field.name for field in fields(kind)]
    slots = "__slots__" in vars(kind)
    return core_schema.dataclass_schema(kind, arguments, names, slots=slots)
