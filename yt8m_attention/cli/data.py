"""How records are read, and which classes their segments are rated for."""

from dataclasses import dataclass

from absl import flags

from yt8m_attention.cli import options
from yt8m_attention.config import Data, Options, option
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS


@dataclass(frozen=True)
class SegmentClasses(Options):
    """The classes that segments are rated for."""

    segment_label_ids_file: str | None = option(
        None, "CSV of the class ids that segments are rated for, path or URL; absent: the classes rated in the data"
    )


OPTIONS = (Data, SegmentClasses)


def segment_classes() -> tuple[int, ...] | None:
    """Reads the class ids in --segment_label_ids_file; None without the flag."""
    if not FLAGS.segment_label_ids_file:
        return None
    from yt8m_attention.data.formats import label_ids  # pandas takes longer to import than a wrong flag should wait

    return label_ids.read(FLAGS.segment_label_ids_file)


def data() -> Data:
    """The data that the flags describe."""
    return options.collect(Data, segment_classes=segment_classes())


def changed(saved: Data) -> Data:
    """The data that a model was trained on, with the changes that the flags ask for.

    Raises:
      UserError: for a flag that contradicts what the model was built for.
    """
    names, sizes = saved.features.names, saved.features.sizes
    fixed = {"feature_names": names, "feature_sizes": sizes, "num_classes": saved.num_classes}
    for flag, value in options.given(fixed).items():
        if value != fixed[flag]:
            raise UserError(f"--{flag}: found {value!r}, but the model was trained with {fixed[flag]!r}; leave it out")
    classes = segment_classes()
    return options.override(saved, segment_classes=saved.segment_classes if classes is None else classes)
