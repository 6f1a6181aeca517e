"""Which ranking is read."""

from absl import flags

flags.DEFINE_string("submission_file", None, "ranked segments of each class, the challenge's CSV, of any system")
