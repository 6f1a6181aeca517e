"""The data set that `synthesize` makes."""

from absl import flags

from yt8m_attention.cli import options
from yt8m_attention.synthesis.config import SynthesisConfig

FLAGS = flags.FLAGS

# Without --sources and --num_classes: few enough that some hundred videos show each class often.
PLANTED_CLASSES = 40
PLANTED_FRAMES = (70, 120)
COLLAGE_FRAMES = (120, 300)


def config() -> SynthesisConfig:
    """The data set that the flags describe; the defaults of some depend on --sources."""
    planted = not FLAGS.sources
    num_classes = PLANTED_CLASSES if planted and not options.given(["num_classes"]) else FLAGS.num_classes
    num_segment_classes = FLAGS.num_segment_classes
    if planted and num_segment_classes is None:
        num_segment_classes = -(-num_classes * 3 // 5)
    return options.collect(
        SynthesisConfig,
        num_classes=num_classes,
        num_segment_classes=num_segment_classes,
        video_frames=FLAGS.video_frames or (PLANTED_FRAMES if planted else COLLAGE_FRAMES),
        sources=FLAGS.sources or None,
    )
