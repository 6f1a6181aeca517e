"""What a frame and a label are: shared by all commands that make or read records."""

from absl import flags

from yt8m_attention.cli import values
from yt8m_attention.config import Data, Features

values.define_names("feature_names", Features.names, "streams of a frame, in order")
values.define_integers("feature_sizes", Features.sizes, "features of each stream")
flags.DEFINE_integer("num_classes", Data.num_classes, "classes of the vocabulary")


def features():
    """The streams that the flags describe."""
    return Features(flags.FLAGS.feature_names, flags.FLAGS.feature_sizes)
