"""From flag values to configuration objects, field by field: a field's flag bears its name."""

import dataclasses

from absl import flags

from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS


def collect(cls, **others):
    """Makes a configuration object out of the flags that its fields are named after.

    Args:
      cls: a dataclass of config.py.
      others: fields that are no flag of their own.
    """
    names = [field.name for field in dataclasses.fields(cls) if field.name not in others and field.name in FLAGS]
    return cls(**{name: FLAGS[name].value for name in names}, **others)


def given(*names):
    """The flags among these that a user, flagfile or script set, as against their defaults, with their values."""
    return {name: FLAGS[name].value for name in names if FLAGS[name].present}


def required(name):
    """A flag's value.

    Raises:
      UserError: where it is empty.
    """
    value = FLAGS[name].value
    if not value:
        raise UserError(f"--{name}: not given; {FLAGS[name].help}")
    return value


class _IntegersParser(flags.ArgumentParser):
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


class _Serializer(flags.ArgumentSerializer):
    def serialize(self, value):
        return ",".join(map(str, value))


def define_integers(name, default, help):
    """A flag whose value is a tuple of whole numbers."""
    flags.DEFINE(_IntegersParser(), name, default, help, serializer=_Serializer())


class _NamesParser(flags.ArgumentParser):
    """`rgb,audio` -> ("rgb", "audio")."""

    syntactic_help = "a comma separated list of names"

    def parse(self, argument):
        if isinstance(argument, (tuple, list)):
            return tuple(argument)
        return tuple(part.strip() for part in argument.split(",") if part.strip())

    def flag_type(self):
        return "list of names"


def define_names(name, default, help):
    """A flag whose value is a tuple of names."""
    flags.DEFINE(_NamesParser(), name, default, help, serializer=_Serializer())
