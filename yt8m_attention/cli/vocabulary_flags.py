"""What classes are called where people read of them."""

from absl import flags

flags.DEFINE_string("vocabulary", None, "CSV of class names, columns Index and Name; absent: classes go by their ids")


def vocabulary():
    """The data.vocabulary.Vocabulary that --vocabulary names."""
    from yt8m_attention.data import vocabulary  # here: it needs TensorFlow, which a wrong flag need not wait for

    return vocabulary.read(flags.FLAGS.vocabulary)
