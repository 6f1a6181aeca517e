"""How long a segment is."""

from absl import flags

from yt8m_attention.config import Data

flags.DEFINE_integer("segment_size", Data.segment_size, "frames of a segment")
