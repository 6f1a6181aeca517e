"""Options: a dataclass field that declares its flag, default, help text, choices and bounds, all in one place.

    @dataclass(frozen=True)
    class Sampling(Options):
        num_frames: int = option(120, "number of random frames drawn from a video", least=1, most=LARGEST_SIZE)

The command line, the checks, `--help`, run.json and docs/flags.md all come from this declaration.
"""

import dataclasses
import functools
import math
import numbers
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from yt8m_attention.errors import UserError

# Larger sizes of arrays, and larger whole numbers in general, are typing errors. TensorFlow, which counts in 32 or 64
# bits, would report them in terms that do not name the flag.
LARGEST_SIZE = 1 << 20
LARGEST = (1 << 31) - 1

_SAME = object()


@dataclasses.dataclass(frozen=True)
class Option:
    """The declaration of one option.

    Attributes:
      help: what the option sets, its unit, and what leaving it out means.
      flag: the flag's name.
      default: the field's default; dataclasses.MISSING if there is none.
      flag_default: the flag's default: the field's, unless the command line derives the field's from other flags.
      kind: bool, int, float, str, or tuple for a list.
      item: the type of a list's items; of any other option its own type.
      optional: whether None is a value.
      choices: the values allowed; None: any.
      synonyms: {what a flag may say as well: the choice it means}.
      least, most, above, below: bounds of a number, or of every number of a list.
      changes_scores: whether other values can give other scores.
      changes_weights: of a network, whether weights of other values belong to another network.
      declared_by: the class whose declaration a `shared` field repeats; None: its own.
    """

    help: str
    flag: str
    default: Any
    flag_default: Any
    kind: type
    item: type
    optional: bool
    choices: tuple[str, ...] | None = None
    synonyms: Mapping[str, str] = dataclasses.field(default_factory=dict)
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    changes_scores: bool = True
    changes_weights: bool = True
    declared_by: type | None = None

    def check(self, value: Any) -> None:
        """Raises UserError, in terms of the flag, for a value that the declaration does not allow."""
        if value is None and self.optional:
            return
        for item in value if self.kind is tuple else (value,):
            self._check_item(item, value)

    def _check_item(self, item, value):
        if self.choices is not None:
            require(item in self.choices, self.flag, value, "one of " + ", ".join(self.choices))
        if self.item is int:
            whole = isinstance(item, numbers.Integral) and not isinstance(item, bool)
            require(whole and self._within(item), self.flag, value, self.range() or "a whole number")
        elif self.item is float:
            number = isinstance(item, numbers.Real) and not isinstance(item, bool) and math.isfinite(item)
            require(number and self._within(item), self.flag, value, self.range() or "a number")

    def _within(self, number):
        return (
            (self.least is None or number >= self.least)
            and (self.most is None or number <= self.most)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )

    def range(self) -> str:
        """The bounds in words, or "" if there are none."""
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}" if self.item is float else f"{self.least} to {self.most}"
        low = f"more than {self.above:g}" if self.above is not None else ""
        if self.least is not None:
            low = f"{self.least:g} or more"
        high = f"less than {self.below:g}" if self.below is not None else ""
        if self.most is not None:
            high = f"{self.most:g} or less"
        bounds = " and ".join(part for part in (low, high) if part)
        return f"a number, {bounds}" if bounds else ""


def option(default: Any = dataclasses.MISSING, help: str = "", *, flag_default: Any = _SAME, **declaration: Any) -> Any:
    """Declares a field of an Options class as an option.

    Args:
      default: the field's value if none is given; absent: the field is required.
      help: what the option sets, its unit, and what leaving it out means.
      flag_default: the flag's own default, for a field whose value the command line derives from other flags.
      declaration: further attributes of Option; `flag` is the field's name if absent.

    Returns:
      A dataclasses.field.
    """
    metadata = {"option": dict(declaration, help=help, default=default)}
    metadata["option"]["flag_default"] = default if flag_default is _SAME else flag_default
    return dataclasses.field(default=default, metadata=metadata)


def size(default: Any, help: str, *, least: int = 1, **declaration: Any) -> Any:
    """Declares the size of an array, or several; see `option`."""
    return option(default, help, least=least, most=LARGEST_SIZE, **declaration)


def count(default: Any, help: str, *, least: int = 1, **declaration: Any) -> Any:
    """Declares a number of things; see `option`."""
    return option(default, help, least=least, most=LARGEST, **declaration)


def shared(cls: type, name: str, **changes: Any) -> Any:
    """Declares a field as the option that another Options class declares under that name, with changes if given."""
    (field,) = (field for field in dataclasses.fields(cls) if field.name == name)
    declared = {"declared_by": cls} | field.metadata["option"]
    if "default" in changes and "flag_default" not in changes:
        changes["flag_default"] = changes["default"]
    if declared["flag_default"] is dataclasses.MISSING:
        declared["flag_default"] = None
    metadata = {"option": declared | {"flag": declared.get("flag", name)} | changes}
    return dataclasses.field(default=metadata["option"]["default"], metadata=metadata)


def options_of(cls: type) -> dict[str, Option]:
    """{field's name: its Option} of an Options class, fields that are no option left out."""
    return _options_of(cls)


@functools.cache
def _options_of(cls):
    hints, found = typing.get_type_hints(cls), {}
    for field in dataclasses.fields(cls):
        if "option" in field.metadata:
            declared = dict(field.metadata["option"])
            kind, item, optional = _kinds(hints[field.name])
            if declared["flag_default"] is dataclasses.MISSING:
                declared["flag_default"] = None
            declared.setdefault("flag", field.name)
            found[field.name] = Option(kind=kind, item=item, optional=optional, **declared)
    return found


def all_options(cls: type) -> Iterator[tuple[type, Option]]:
    """Yields (declaring class, Option) of every option of an Options class and of the Options classes in its fields."""
    hints, declared = typing.get_type_hints(cls), options_of(cls)
    for field in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from all_options(hints[field.name])
        elif field.name in declared:
            yield cls, declared[field.name]


def scored_options(config: "Options") -> dict[str, Any]:
    """{flag: value} of the options of one object that change scores, as JSON holds them; nested objects left out."""
    values = ((option, getattr(config, name)) for name, option in options_of(type(config)).items())
    return {o.flag: list(v) if isinstance(v, tuple) else v for o, v in values if o.changes_scores}


def _kinds(hint):
    """-> (kind, item, optional) of an annotation such as `tuple[int, ...] | None`."""
    parts = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    optional = type(None) in parts
    (kind,) = (part for part in parts if part is not type(None))
    if typing.get_origin(kind) is tuple:
        return tuple, typing.get_args(kind)[0], optional
    return kind, kind, optional


class Options:
    """Base of configuration dataclasses: an instance that exists holds only values that can be used.

    Attributes:
      recorded: whether the flags of the class are logged, and saved with a run.

    Raises:
      UserError: when it is made with a value that an option's declaration does not allow.
    """

    recorded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, declared in options_of(type(self)).items():
            declared.check(getattr(self, name))


def require(condition: Any, flag: str, found: Any, wanted: str) -> None:
    """Raises UserError, in terms of the flag, unless the condition holds."""
    if not condition:
        raise UserError(f"--{flag}: found {found!r}, wanted {wanted}")
