"""Flags of `synthesize`."""

from absl import flags

from yt8m_attention import schema
from yt8m_attention.cli import feature_flags, values
from yt8m_attention.errors import UserError
from yt8m_attention.synthesis.config import SynthesisConfig

# Where --num_classes is not given: few enough that some hundred videos show each class often.
PLANTED_CLASSES = 40
PLANTED_FRAMES = (70, 120)
COLLAGE_FRAMES = (120, 300)

OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Directory of the data set: new, empty, or made before.")
SOURCES = flags.DEFINE_string(
    "sources",
    None,
    "Glob of real video-level YouTube-8M files; compose videos out of these instead of planted classes.",
)
_COUNTS = {
    "num_train": flags.DEFINE_integer("num_train", 600, "Videos with noisy video labels, to learn from."),
    "num_validate": flags.DEFINE_integer("num_validate", 200, "Videos with rated segments, to learn from."),
    "num_test": flags.DEFINE_integer("num_test", 200, "Videos with rated segments, to score on."),
}
NUM_SEGMENT_CLASSES = flags.DEFINE_integer(
    "num_segment_classes", None, "Classes that segments are rated for. Default: three in five; with --sources all that "
    "are frequent there."
)  # fmt: skip
values.define_integers(
    "video_frames", None, "Frames of the shortest and the longest video. Default: 70,120; with --sources 120,300."
)
SEGMENT_SIZE = flags.DEFINE_integer("segment_size", schema.SEGMENT_SIZE, "Frames of a segment.")
PER_SHARD = flags.DEFINE_integer("per_shard", 100, "Videos in one file.")
SEED = flags.DEFINE_integer("seed", 0, "Of all that is drawn at random: equal seeds make equal bytes.")


def output_dir():
    """The directory to write to; not naming one is a UserError."""
    if not OUTPUT_DIR.value:
        raise UserError("--output_dir: missing; name the directory that the data set is written to")
    return OUTPUT_DIR.value


def recipe():
    """The flags as a SynthesisConfig; see there for errors."""
    planted = not SOURCES.value
    num_classes = PLANTED_CLASSES if planted and not values.given("num_classes") else flags.FLAGS.num_classes
    num_segment_classes = NUM_SEGMENT_CLASSES.value
    if planted and num_segment_classes is None:
        num_segment_classes = -(-num_classes * 3 // 5)
    frames = flags.FLAGS.video_frames or (PLANTED_FRAMES if planted else COLLAGE_FRAMES)
    return SynthesisConfig(
        num_classes=num_classes,
        num_segment_classes=num_segment_classes,
        features=feature_flags.features(),
        video_frames=frames,
        segment_size=SEGMENT_SIZE.value,
        per_shard=PER_SHARD.value,
        sources=SOURCES.value or None,
        seed=SEED.value,
        **{name: flag.value for name, flag in _COUNTS.items()},
    )
