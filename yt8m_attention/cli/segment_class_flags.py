"""The classes that segments are rated for."""

from absl import flags

FLAGS = flags.FLAGS

flags.DEFINE_string(
    "segment_label_ids_file",
    None,
    "CSV of class ids that segments are rated for, path or URL; absent: as rated",
)


def segment_classes():
    """The class ids in --segment_label_ids_file, or None."""
    if not FLAGS.segment_label_ids_file:
        return None
    from yt8m_attention.data.formats import (
        label_ids,  # here, because it needs pandas, which a wrong flag need not wait for
    )

    return label_ids.read(FLAGS.segment_label_ids_file)
