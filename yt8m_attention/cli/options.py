"""From the options that configuration classes declare to absl flags, and from flag values back to configurations."""

import dataclasses
import typing
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias, TypeVar

from absl import flags

from yt8m_attention.config import LARGEST_SIZE, Options, all_options, options_of
from yt8m_attention.config.option import Option
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS
T = TypeVar("T", bound=Options)

# absl groups flags by the module that defines them; ours are grouped by the class that declares them.
_MODULE = "yt8m_attention."


class Group(typing.NamedTuple):
    """Some options of a class, as one command takes them.

    Attributes:
      cls: the Options class; those in its fields are part of it.
      names: the fields taken; None: all.
      changes: {field: attributes of config.option.Option that differ in this command}.
    """

    cls: type[Options]
    names: tuple[str, ...] | None = None
    changes: dict[str, dict[str, Any]] = {}  # noqa: RUF012  read only

    def options(self) -> Iterator[tuple[type[Options], Option]]:
        """Yields (declaring class, Option) of every option, those of nested classes too."""
        if self.names is None:
            yield from all_options(self.cls)
            return
        declared, hints = options_of(self.cls), typing.get_type_hints(self.cls)
        for name in self.names:
            if name in declared:
                yield self.cls, dataclasses.replace(declared[name], **self.changes.get(name, {}))
            else:
                yield from all_options(hints[name])


def some(cls: type[Options], *names: str, **changes: dict[str, Any]) -> Group:
    """The options of a class that a command takes.

    Args:
      names: of the fields.
      changes: by field, attributes of its Option that differ in this command, such as `{"flag_default": 8}`.
    """
    return Group(cls, (*names, *(name for name in changes if name not in names)), changes)


Groups: TypeAlias = Iterable[type[Options] | Group]


def _groups(groups: Groups) -> list[Group]:
    return [group if isinstance(group, Group) else Group(group) for group in groups]


def declared(groups: Groups) -> dict[str, tuple[type[Options], Option]]:
    """{flag: (declaring class, Option)} of a command's options, each flag once, in order.

    Raises:
      ValueError: when two classes declare one flag differently.
    """
    found: dict[str, tuple[type[Options], Option]] = {}
    for group in _groups(groups):
        for cls, option in group.options():
            former = found.setdefault(option.flag, (cls, option))[1]
            if former.help != option.help:
                raise ValueError(f"--{option.flag} is declared twice, by {found[option.flag][0]} and {cls}")
    return found


def define(groups: Groups, values: flags.FlagValues = FLAGS) -> None:
    """Defines an absl flag for each option of a command."""
    for cls, option in declared(groups).values():
        flag = _flag(option)
        flag.option, flag.cls = option, cls
        flags.DEFINE_flag(flag, values, _MODULE + cls.__name__)


def _flag(option: Option) -> flags.Flag:
    named = (option.flag, option.flag_default, option.help)
    if option.kind is bool:
        return flags.BooleanFlag(*named)
    parser: flags.ArgumentParser
    if option.choices is not None:
        parser = _Choice(option)
    elif option.kind is tuple:
        parser = _Integers() if option.item is int else _Names()
    else:
        parser = {int: flags.IntegerParser, float: flags.FloatParser, str: flags.ArgumentParser}[option.kind]()
    return flags.Flag(parser, _Commas(), *named)


class _Choice(flags.EnumParser):
    """One of the choices, or a synonym of one."""

    def __init__(self, option: Option):
        super().__init__(list(option.choices or ()), case_sensitive=True)
        self._synonyms = option.synonyms

    def parse(self, argument: str) -> str:
        return super().parse(self._synonyms.get(argument, argument))


class _Integers(flags.ArgumentParser):
    """`30,10` -> (30, 10)."""

    syntactic_help = "a comma separated list of whole numbers"

    def parse(self, argument):
        if isinstance(argument, (tuple, list)):
            return tuple(argument)
        try:
            return tuple(int(part) for part in argument.split(",") if part.strip())
        except ValueError as error:
            raise ValueError(f"should be whole numbers with commas between; found {argument!r}") from error

    def flag_type(self):
        return "list of int"


class _Names(flags.ArgumentParser):
    """`rgb,audio` -> ("rgb", "audio")."""

    syntactic_help = "a comma separated list of names"

    def parse(self, argument):
        if isinstance(argument, (tuple, list)):
            return tuple(argument)
        return tuple(part.strip() for part in argument.split(",") if part.strip())

    def flag_type(self):
        return "list of names"


class _Commas(flags.ArgumentSerializer):
    def serialize(self, value):
        return as_text(value)


def bounds(option: Option) -> str:
    """The bounds of a number in words; "" for those so far out that only a slip of the keyboard meets them."""
    far_out = option.most is not None and option.most >= LARGEST_SIZE and (option.least or 0) <= 1
    return "" if far_out else option.range().removeprefix("a number, ")


def as_text(value: Any) -> str:
    """A flag's value as a flagfile holds it; "" for None."""
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def ours() -> list[flags.Flag]:
    """The flags that `define` has defined, by name."""
    return sorted((flag for _, flag in by_class()), key=lambda flag: flag.name)


def by_class() -> Iterator[tuple[type[Options], flags.Flag]]:
    """Yields (declaring class, flag) of the flags that `define` has defined, class by class."""
    for module, group in FLAGS.flags_by_module_dict().items():
        if module.startswith(_MODULE):
            yield from ((flag.cls, flag) for flag in group)


def collect(group: type[T] | Group, **others: Any) -> Any:
    """Makes a configuration from the flags that its fields declare.

    Args:
      group: an Options class, or the part of one that the command takes; other fields have their defaults then.
      others: values of fields that are not taken from flags.

    Raises:
      LookupError: for a field without a flag and without a value in `others`.
      UserError: for a value that the class does not allow.
    """
    (group,) = _groups([group])
    hints, declared_options, found = typing.get_type_hints(group.cls), options_of(group.cls), dict(others)
    for field in dataclasses.fields(group.cls):  # type: ignore[arg-type]
        if field.name in others or (group.names is not None and field.name not in group.names):
            continue
        if dataclasses.is_dataclass(hints[field.name]):
            found[field.name] = collect(hints[field.name])
        elif field.name in declared_options and declared_options[field.name].flag in FLAGS:
            found[field.name] = FLAGS[declared_options[field.name].flag].value
        else:
            raise LookupError(f"{group.cls.__name__}.{field.name} has no flag in this command, and no value is given")
    return group.cls(**found)


def override(saved: T, **others: Any) -> T:
    """Replaces the fields of a saved configuration whose flags were set, nested ones too.

    Args:
      others: values of further fields to replace.
    """
    changes = dict(others)
    for field in dataclasses.fields(saved):  # type: ignore[arg-type]
        value = getattr(saved, field.name)
        if isinstance(value, Options):
            changes.setdefault(field.name, override(value))
    for name, option in options_of(type(saved)).items():
        if name not in changes and option.flag in FLAGS and FLAGS[option.flag].present:
            changes[name] = FLAGS[option.flag].value
    return dataclasses.replace(saved, **changes)  # type: ignore[type-var]


def given(names: Iterable[str]) -> dict[str, Any]:
    """The flags among these that a user, flagfile or script has set, with their values."""
    return {name: FLAGS[name].value for name in names if FLAGS[name].present}


def required(name: str) -> Any:
    """A flag's value.

    Raises:
      UserError: when it is empty.
    """
    value = FLAGS[name].value
    if not value:
        raise UserError(f"--{name}: not given; {FLAGS[name].help}")
    return value
