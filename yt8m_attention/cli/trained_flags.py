"""Which trained model a command uses."""

from absl import flags

from yt8m_attention.cli import values

flags.DEFINE_string("train_dir", None, "directory that train has written to; the model's own flags are read from there")
flags.DEFINE_string(
    "checkpoint", "best", "best (by held-out score, the newest where nothing was held out), last, or a file"
)


def train_dir():
    return values.required("train_dir")
