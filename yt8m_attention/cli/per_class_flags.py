"""The file of each class's average precision."""

from absl import flags

from yt8m_attention.cli import vocabulary_flags  # noqa: F401  defines --vocabulary, the names in the file

flags.DEFINE_string("per_class_file", None, "CSV to write the average precision of each class's segments to")
