"""Whom a network learns from beside the labels."""

from absl import flags

from yt8m_attention.cli import values
from yt8m_attention.config import Phase

values.define_names("teachers", Phase.teachers,
                    "training directories of networks whose mean answer teaches, too: distillation")  # fmt: skip
flags.DEFINE_float("teacher_weight", Phase.teacher_weight,
                   "part of each label that --teachers say; 1: they alone. What nobody rated they say alone, and it "
                   "counts for this part")  # fmt: skip
