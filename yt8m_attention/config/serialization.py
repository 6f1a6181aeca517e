"""Configurations as plain values that JSON can hold."""

import dataclasses
import typing
from typing import Any, TypeVar

from yt8m_attention.errors import UserError

T = TypeVar("T")


def to_dict(config: Any) -> dict[str, Any]:
    """Converts a configuration into nested plain values."""
    return dataclasses.asdict(config)


def from_dict(cls: type[T], values: dict[str, Any]) -> T:
    """Converts the result of to_dict back, also after JSON has turned tuples into lists.

    Raises:
      UserError: for a key that the class does not have, as in a file of another version, or a value it does not allow.
    """
    unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})  # type: ignore[arg-type]
    if unknown:
        raise UserError(f"saved configuration of {cls.__name__}: unknown keys {unknown}; written by another version")
    hints = typing.get_type_hints(cls)
    return cls(**{name: _revive(hints[name], value) for name, value in values.items()})


def _revive(hint, value):
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return from_dict(hint, value)
    return tuple(value) if isinstance(value, list) else value
