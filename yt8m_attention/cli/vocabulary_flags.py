"""What classes are called where people read of them."""

from absl import flags

flags.DEFINE_string("vocabulary", None,
                    "CSV of class names, columns Index and Name; absent: the copy that train left in --train_dir where "
                    "it was given one, else classes go by their ids")  # fmt: skip


def vocabulary(train_dir=None):
    """The data.formats.vocabulary.Vocabulary that --vocabulary names, or that was kept in a training directory."""
    from yt8m_attention.data.formats import (
        vocabulary,  # here: it needs TensorFlow, which a wrong flag need not wait for
    )

    return vocabulary.read(flags.FLAGS.vocabulary or (vocabulary.kept(train_dir) if train_dir else None))
