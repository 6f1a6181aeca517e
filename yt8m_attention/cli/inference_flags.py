"""What inference scores and writes."""

from absl import flags

from yt8m_attention import schema

flags.DEFINE_string(
    "input_data_pattern", None, "files to score, labelled or not: globs, with commas between; gs:// too"
)
flags.DEFINE_string("output_file", None, "the CSV to write")
flags.DEFINE_bool("segment_labels", False, "rank the segments of each class, not the classes of each video")
flags.DEFINE_integer(
    "segment_max_pred", schema.TOP_SEGMENTS, "segments ranked for a class, at most", lower_bound=1, upper_bound=1 << 24
)
flags.DEFINE_integer("window_stride", None,
                     "frames from one ranked window's start to the next one's; absent: a window's length. With less, "
                     "windows overlap: more than the challenge takes", lower_bound=1, upper_bound=1 << 20)  # fmt: skip
flags.DEFINE_integer("top_k", schema.TOP_CLASSES, "classes written for a video", lower_bound=1, upper_bound=1 << 20)
flags.DEFINE_string("scores_file", None, "npz to write every score to, as `ensemble` reads them")
