"""From what a user types to typed settings: words (key=value), the words of a job, and the values of a site's file.

The type that a setting declares decides how it is written:

    text, paths   everything after the first "=", as it is
    numbers       digits (100_000, 1e-4), within the range that the setting declares
    booleans      true or false
    lists         [a, b]; an item with one of , [ ] { } " or outer spaces in double quotes, as in JSON
    mappings      {name: value, name: {name: value}}; the same, and names with : in quotes too
    null          none, where a setting may be none

A word names a key once; said again, the last one counts. No grammar of a shell, of YAML or of a library comes between.
"""

from __future__ import annotations

import json
import math
import os
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from physlaw.errors import UserError, unknown
from physlaw.fields import Range, check_value
from physlaw.nested_values import read_flow

_INTEGER = re.compile(r"[+-]?\d+(_\d+)*", re.ASCII)
_FLOAT = re.compile(r"[+-]?(\d+(_\d+)*\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_UNIONS = (Union, getattr(types, "UnionType", Union))


class Written(list):
    """A list of a site's file that also knows how it was written there."""

    def __init__(self, items: list[Any], text: str) -> None:
        super().__init__(items)
        self.text = text


def pairs_of(words: Sequence[str]) -> dict[str, str]:
    """{key: value} of key=value words; the last one of a key counts.

    Raises:
        UserError: a word is not key=value, or has no value.
    """
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UserError(f"not key=value: {word!r}")
        if not value:
            raise UserError(f"{key}= has no value; without the word, its default counts")
        found[key] = value
    return found


def split(kind: Any, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words of a verb's own configuration, and the others."""
    own = {item.name for item in fields(kind)}
    mine = [word for word in words if word.partition("=")[0].partition(".")[0] in own]
    return mine, [word for word in words if word.partition("=")[0].partition(".")[0] not in own]


def take(kind: Any, words: Sequence[str]) -> tuple[Any, list[str]]:
    """A verb's own configuration, and the words whose keys it has not. Raises as read."""
    mine, rest = split(kind, words)
    return read(kind, mine), rest


def read(kind: Any, words: Sequence[str]) -> Any:
    """A verb's configuration from its words.

    Raises:
        UserError: unknown key, or a value that is not of its type or range; names the valid ones.
    """
    return build(kind, merged({}, kind, pairs_of(words)))


@lru_cache(maxsize=None)
def keys(kind: Any, prefix: str = "") -> list[str]:
    """Every valid dotted key of a configuration."""
    found: list[str] = []
    for name, hint in _hints(kind).items():
        section: Any = hint
        found += keys(section, f"{prefix}{name}.") if is_dataclass(hint) else [prefix + name]
    return found


def unknown_key(kind: Any, key: str, also: Sequence[str] = ()) -> UserError:
    """The error for a key that is none: names those of the same section or of the same name, else all sections."""
    valid = keys(kind)
    near = [k for k in valid if k.split(".")[-1] == key.split(".")[-1] or k.split(".")[0] == key.split(".")[0]]
    sections = sorted({k.split(".")[0] + ".*" for k in valid if "." in k})
    return unknown("key", key, near or [*also, *(k for k in valid if "." not in k and k not in also), *sections])


def merged(values: Mapping[str, Any], kind: Any, pairs: Mapping[str, Any], also: Sequence[str] = ()) -> dict[str, Any]:
    """Nested values with those of dotted keys in their places.

    Raises:
        UserError: a key that `kind` has not; `also` are keys that are valid elsewhere, for the message.
    """
    found = dict(values)
    valid = keys(kind)
    for key, value in pairs.items():
        if key not in valid:
            raise unknown_key(kind, key, also)
        *sections, name = key.split(".")
        place = found
        for section in sections:
            inner = place.get(section)
            place[section] = dict(inner) if isinstance(inner, dict) else {}
            place = place[section]
        place[name] = value
    return found


def build(kind: Any, values: Any, prefix: str = "") -> Any:
    """A configuration from nested values, every one typed or as text.

    Raises:
        UserError: unknown key, or a value that is not of its declared type or range.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{prefix[:-1] or 'settings'} must be keys with values, got {values!r}")
    hints, arguments = _hints(kind), {}
    for name in values:
        if name not in hints:
            raise unknown("key", f"{prefix}{name}", [f"{prefix}{k}" for k in hints])
    for item in fields(kind):
        hint, key = hints[item.name], prefix + item.name
        if is_dataclass(hint):
            section = values.get(item.name)
            arguments[item.name] = build(hint, {} if section is None else section, f"{key}.")
        elif item.name in values:
            arguments[item.name] = typed(hint, values[item.name], key, item.metadata)
            check_value(item, key, arguments[item.name])
    return kind(**arguments)


def typed(hint: Any, value: Any, key: str, metadata: Mapping[str, Any] = types.MappingProxyType({})) -> Any:
    """A value of the declared type from text, or from what is typed already.

    Raises:
        UserError: it is not of that type; names the key and the value.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in _UNIONS:  # Optional
        if value is None or value == "null":
            return None
        (hint,) = (kind for kind in inner if kind is not type(None))
        return typed(hint, value, key, metadata)
    if metadata.get("reader") and isinstance(value, str):
        return metadata["reader"](key, value)
    if hint is Any:
        return value
    if hint is str:
        return _text(key, value)
    if hint is bool:
        if isinstance(value, bool) or value in ("true", "false"):
            return value in (True, "true")
        raise UserError(f"{key} must be true or false, got {value!r}")
    if hint is int:
        return _integer(key, value)
    if hint is float:
        return _float(key, value)
    found = read_flow(key, value) if isinstance(value, str) else value
    if origin is dict:
        if not isinstance(found, Mapping):
            raise UserError(f"{key} must be a mapping, {{name: value}}, got {value!r}")
        of = metadata.get("of")
        return {str(name): _part(of, item, f"{key}.{name}") if of else typed(inner[1], item, f"{key}.{name}", metadata)
                for name, item in found.items()}  # fmt: skip
    if not isinstance(found, (list, tuple)):
        raise UserError(f"{key} must be a list, [a, b], got {value!r}")
    kinds = inner if origin is tuple and inner[-1] is not Ellipsis else inner[:1] * len(found)
    if len(kinds) != len(found):
        raise UserError(f"{key} must be {len(kinds)} values, got {value!r}")
    items = [typed(kind, item, key, metadata) for kind, item in zip(kinds, found)]
    return tuple(items) if origin is tuple else items


def _part(kind: Any, values: Any, prefix: str) -> dict[str, Any]:
    """Some settings of a configuration, as build makes them there."""
    whole = build(kind, values, f"{prefix}.")
    return {name: getattr(whole, name) for name in values}


def _text(key: str, value: Any) -> str:
    if isinstance(value, Written):
        value = value.text
    if not isinstance(value, str):
        raise UserError(f"{key} is text: write it in quotes, got {value!r}")
    if "\0" in value:
        raise UserError(f"{key} cannot hold the character NUL, got {value!r}")
    if not _is_utf8(value):  # a path of other bytes: safetensors and tensorboard take none
        raise UserError(f"{key} must be UTF-8, got {value!r}")
    return value


def _is_utf8(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _integer(key: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) < 40 and _INTEGER.fullmatch(value):
        return int(value)
    raise UserError(f"{key} must be a whole number, got {value!r}")


def _float(key: str, value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300:
        return float(value)
    if isinstance(value, str) and _FLOAT.fullmatch(value) and math.isfinite(float(value)):
        return float(value)
    raise UserError(f"{key} must be a finite number, got {value!r}")


def from_environment(name: str, default: int = 0, environment: Mapping[str, str] = os.environ) -> int:
    """A count from an environment variable; unset and empty ones give the default.

    Raises:
        UserError: it is not a whole number of at least 0.
    """
    value = _integer(name, environment.get(name) or default)
    Range(at_least=0).check(name, value)
    return value


@lru_cache(maxsize=None)
def _hints(kind: Any) -> dict[str, Any]:
    """The declared type of every field."""
    hints = get_type_hints(kind)
    return {item.name: hints[item.name] for item in fields(kind)}


def describe(kind: Any, prefix: str = "") -> str:
    """Every valid key as it is typed with its default, and what else it may be; one a line."""
    lines = []
    for item in fields(kind):
        hint, key = _hints(kind)[item.name], prefix + item.name
        if is_dataclass(hint):
            lines.append(describe(hint, f"{key}."))
            continue
        default = item.default if item.default is not MISSING else item.default_factory()  # type: ignore
        rule = item.metadata.get("rule")
        lines.append(f"{key}={_shown(default)}" + (f"  ({rule})" if rule else "") + "\n")
    return "".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_shown, value))}]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)
