"""What a submission is scored against."""

from absl import flags

from yt8m_attention import schema
from yt8m_attention.cli import ranking_flags, record_flags  # noqa: F401  they define flags

flags.DEFINE_string("eval_data_pattern", None, "files with rated segments: globs, with commas between; gs:// too")
flags.DEFINE_integer("top_n", schema.TOP_SEGMENTS, "segments of a class that count", lower_bound=1, upper_bound=1 << 31)
flags.DEFINE_string("label_cache", None, "npz of the ratings: read where it is of these files, else written")
