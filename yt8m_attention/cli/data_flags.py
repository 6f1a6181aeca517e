"""How records become bags of frames."""

import dataclasses

from absl import flags

from yt8m_attention.cli import (  # they define flags
    feature_flags,
    record_flags,  # noqa: F401
    segment_class_flags,
    segment_size_flags,  # noqa: F401
    values,
)
from yt8m_attention.config import Data, Sampling
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS

flags.DEFINE_enum("frame_sampling", Sampling.frame_sampling, ["random", "every", "all"],
                  "frames of a video's bag: random, with replacement; every, a fixed stride; all")  # fmt: skip
flags.DEFINE_integer("num_frames", Sampling.num_frames, "random: frames drawn of a video")
flags.DEFINE_integer("trim_frames", Sampling.trim_frames, "random and all: frames left out at either end of a video")
flags.DEFINE_integer("frame_stride", Sampling.frame_stride, "every: one frame in so many")
flags.DEFINE_integer("first_frame", Sampling.first_frame, "every: the first frame taken")
flags.DEFINE_integer("last_frame", Sampling.last_frame, "every: the last frame that may be taken")
flags.DEFINE_integer("max_frames", Sampling.max_frames, "frames of a video beyond this many are not read")
flags.DEFINE_float("frame_seconds", Data.frame_seconds, "how far apart frames are; AudioSet's are 0.96")
values.define_integers("segment_window", Data.segment_window,
                       "frames at the head and the tail of a video in which inference ranks no segment")  # fmt: skip
flags.DEFINE_integer("shuffle_shards", Data.shuffle_shards,
                     "shards open at once, to shuffle records over; 0: all if they are local, else 16")  # fmt: skip
flags.DEFINE_bool("verify_crc", Data.verify_crc, "compare each record's checksum when it is first read")
flags.DEFINE_integer("cache_bytes", Data.cache_bytes,
                     "bytes of copies of remote shards that are kept beside those in use, the least recently used go "
                     "first; and of rated segments that training keeps in memory")  # fmt: skip

_SAMPLING = tuple(field.name for field in dataclasses.fields(Sampling))
_DATA = ("segment_size", "frame_seconds", "segment_window", "shuffle_shards",
         "index_dir", "verify_crc", "max_bad_records", "cache_dir", "cache_bytes")  # fmt: skip


def data() -> Data:
    """The data that the flags describe."""
    return values.collect(
        Data,
        features=feature_flags.features(),
        sampling=values.collect(Sampling),
        segment_classes=segment_class_flags.segment_classes(),
    )


def over(saved: Data) -> Data:
    """The data that a model was trained on, but for what the command line says otherwise.

    Raises:
      UserError: where it says otherwise of what the model cannot do without.
    """
    names, sizes = saved.features.names, saved.features.sizes
    trained = {"feature_names": names, "feature_sizes": sizes, "num_classes": saved.num_classes}
    for flag, value in values.given(*trained).items():
        if value != trained[flag]:
            raise UserError(
                f"--{flag}: found {value!r}, but the model was trained with {trained[flag]!r}; leave it out"
            )
    sampling = dataclasses.replace(saved.sampling, **values.given(*_SAMPLING))
    changed = values.given(*_DATA) | (
        {"segment_classes": segment_class_flags.segment_classes()} if FLAGS.segment_label_ids_file else {}
    )
    return dataclasses.replace(saved, sampling=sampling, **changed)
