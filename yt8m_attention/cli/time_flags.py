"""How frames become seconds."""

from absl import flags

flags.DEFINE_float(
    "frame_seconds", 1.0, "how far apart frames are; AudioSet's are 0.96", lower_bound=0.001, upper_bound=3600.0
)
