"""How much of labelled files is scored."""

from absl import flags

from yt8m_attention.config import LARGEST

flags.DEFINE_integer(
    "num_examples",
    None,
    "score no more than this many videos, and this many segments",
    lower_bound=1,
    upper_bound=LARGEST,
)
