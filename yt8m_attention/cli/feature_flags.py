"""Flags for what a frame is made of and which classes there are."""

from absl import flags

from yt8m_attention import schema
from yt8m_attention.config import Features
from yt8m_attention.errors import UserError

FEATURE_NAMES = flags.DEFINE_list(
    "feature_names",
    ",".join(schema.FEATURE_NAMES),
    "Streams of a frame, in the order in which they stand side by side.",
)
FEATURE_SIZES = flags.DEFINE_list("feature_sizes", ",".join(map(str, schema.FEATURE_SIZES)), "Features of each stream.")
NUM_CLASSES = flags.DEFINE_integer("num_classes", schema.NUM_CLASSES, "Classes; their ids count from 0.")


def features():
    """The streams that the flags name, as config.Features.

    Raises:
      UserError: where they name no streams or sizes that could be.
    """
    return Features(tuple(FEATURE_NAMES.value), integers("feature_sizes", FEATURE_SIZES.value))


def integers(flag, values):
    """A list flag's values as a tuple of ints; one that is no whole number is a UserError."""
    try:
        return tuple(int(value) for value in values)
    except ValueError as error:
        raise UserError(f"--{flag}: found {','.join(values)!r}, wanted whole numbers separated by commas") from error
