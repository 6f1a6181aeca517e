"""How training varies its bags."""

from absl import flags

from yt8m_attention.config import Augmentation

flags.DEFINE_float("virtual_segments", Augmentation.virtual_segments,
                   "mix bags in pairs, and their labels: each stays itself to a share from Beta(this, this); "
                   "0: none are mixed")  # fmt: skip
flags.DEFINE_float("reversed_videos", Augmentation.reversed_videos,
                   "share of the bags whose frames come in reverse order; new ones every epoch")  # fmt: skip
flags.DEFINE_float("dropped_segments", Augmentation.dropped_segments,
                   "share of a video's segments left out of its bag in phase 1; new ones every epoch")  # fmt: skip
