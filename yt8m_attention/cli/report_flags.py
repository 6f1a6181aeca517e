"""What a report shows."""

from absl import flags

from yt8m_attention.cli import values

flags.DEFINE_string(
    "input_data_pattern",
    None,
    "features to show, and to score where they are labelled: frame-level TFRecord files, or your own as --input of "
    "moments takes them; globs, with commas between; gs:// too",
)
values.define_names("video_ids", (), "videos to show; absent: a few, your own first, then rated ones")
flags.DEFINE_integer("top", 8, "moments of a video, at most", lower_bound=1, upper_bound=1 << 20)
flags.DEFINE_string("output_file", None, "the HTML page to write")
