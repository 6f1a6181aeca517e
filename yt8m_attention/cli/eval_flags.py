"""What evaluation scores."""

from absl import flags

from yt8m_attention import schema

flags.DEFINE_string("eval_data_pattern", None, "labelled files to evaluate on: globs, with commas between; gs:// too")
flags.DEFINE_bool("segment_labels", False, "score rated segments too, beside whole videos")
flags.DEFINE_bool(
    "run_once", True, "evaluate one checkpoint and end; else every new one, as a training run writes them"
)
flags.DEFINE_integer(
    "top_k", schema.TOP_CLASSES, "classes of a video that GAP and MAP look at", lower_bound=1, upper_bound=1 << 20
)
