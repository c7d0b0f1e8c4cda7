"""Mappings into frozen dataclasses, checked key by key; every error names the key."""

import dataclasses
import inspect
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

from pgjax.errors import InputError, known


def parse_record(cls, values: Any, key: str):
    """Builds the dataclass `cls` from a mapping, checking names and types, field by field."""
    if not isinstance(values, Mapping) and not hasattr(values, "items"):
        raise InputError(f"{key}: expected a mapping with {_names(cls)}, got {values!r}")
    values = dict(values.items())
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    for name in values:
        if name not in fields:
            raise InputError(f"{key}.{name}: unknown key; known are {known(name, fields)}")
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING is field.default_factory
        if name not in values and required:
            raise InputError(f"{key}.{name}: missing")
    return cls(**{name: parse_value(hints[name], v, f"{key}.{name}") for name, v in values.items()})


def _names(cls) -> str:
    return ", ".join(f.name for f in dataclasses.fields(cls))


def parse_value(hint: Any, value: Any, key: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return parse_record(hint, value, key)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return None if value is None else parse_value(args[0], value, key)
    if origin is Mapping:
        if not hasattr(value, "items"):
            raise InputError(f"{key}: expected a mapping, got {value!r}")
        return {k: parse_value(args[1], v, f"{key}.{k}") for k, v in value.items()}
    if origin is tuple:
        if not isinstance(value, tuple | list):
            raise InputError(f"{key}: expected a tuple, got {value!r}")
        kinds = args[:1] * len(value) if args[-1] is Ellipsis else args
        if len(kinds) != len(value):
            raise InputError(f"{key}: expected {len(kinds)} values, got {value!r}")
        return tuple(parse_value(kind, v, key) for kind, v in zip(kinds, value, strict=True))
    if hint is Any:
        # A config read back from JSON has lists where the original had tuples.
        return tuple(value) if isinstance(value, list) else value
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise InputError(f"{key}: expected {hint.__name__}, got {value!r}")
    return value


def check_choice(name: str, choices, key: str, hint: str = "") -> None:
    if name not in choices:
        names = known(name, sorted(choices))
        raise InputError(f"{key}: unknown name {name!r}; known are {names}{hint}")


def check_positive(value: float, key: str) -> None:
    if not 0 < value < math.inf:
        raise InputError(f"{key}: expected a positive number, got {value}")


def check_not_negative(value: float, key: str) -> None:
    if not 0 <= value < math.inf:
        raise InputError(f"{key}: expected a number from 0 on, got {value}")


def check_options(function: Any, options: Mapping, key: str, skip: tuple[str, ...]) -> None:
    """Options of a function: names of its parameters, values of their types where they say one."""
    hints = typing.get_type_hints(function)
    names = [n for n in inspect.signature(function).parameters if n not in skip]
    _known_options(function.__name__, names, hints, options, key)


def check_module_options(module: Any, options: Mapping, key: str) -> None:
    """Options of a flax module: names of its fields, values of their types."""
    names = [f.name for f in dataclasses.fields(module) if f.name not in ("parent", "name")]
    _known_options(module.__name__, names, typing.get_type_hints(module), options, key)


def _known_options(
    owner: str, names: list[str], hints: Mapping, options: Mapping, key: str
) -> None:
    for name, value in options.items():
        if name not in names:
            taken = known(name, names)
            raise InputError(f"{key}.{name}: {owner} takes no such option; it takes {taken}")
        hint = hints.get(name)
        if hint in (int, float, str, bool) or typing.get_origin(hint) is tuple:
            parse_value(hint, value, f"{key}.{name}")
