"""Configuration of a made data set."""

from dataclasses import dataclass

from yt8m_attention import schema
from yt8m_attention.config import LARGEST, Features
from yt8m_attention.errors import UserError

SPLITS = ("train", "validate", "test")


@dataclass(frozen=True)
class SynthesisConfig:
    """Parameters of a made data set; equal parameters give equal bytes.

    A field is named after its flag. A value out of range raises a UserError.
    """

    num_train: int
    num_validate: int
    num_test: int
    num_classes: int
    num_segment_classes: int | None  # None, only with sources: all frequent classes
    features: Features
    video_frames: tuple[int, int]  # lengths of the shortest and the longest video, frames
    segment_size: int = schema.SEGMENT_SIZE  # frames
    per_shard: int = 100  # videos per shard
    sources: str | None = None  # pattern of real video-level files; None: planted classes
    seed: int = 0

    def __post_init__(self) -> None:
        for flag in ("num_train", "num_validate", "num_test", "seed"):
            _require(0 <= getattr(self, flag) <= LARGEST, flag, getattr(self, flag), f"0 to {LARGEST}")
        for flag in ("num_classes", "segment_size", "per_shard"):
            _require(1 <= getattr(self, flag) <= LARGEST, flag, getattr(self, flag), f"1 to {LARGEST}")
        _require(any(self.counts.values()), "num_train", 0, "at least one video, here or in another split")
        chosen = self.num_classes if self.num_segment_classes is None else self.num_segment_classes
        _require(
            1 <= chosen <= self.num_classes, "num_segment_classes", chosen, f"1 to --num_classes={self.num_classes}"
        )
        least = sum(schema.RATED_WINDOW) + self.segment_size  # a shorter video has no segment in the rated window
        _require(
            len(self.video_frames) == 2 and least <= self.video_frames[0] <= self.video_frames[1] <= schema.MAX_FRAMES,
            "video_frames", self.video_frames,
            f"shortest,longest from {least}, with --segment_size={self.segment_size}, to {schema.MAX_FRAMES}",
        )  # fmt: skip

    @property
    def counts(self) -> dict[str, int]:
        """Number of videos of each split, by its name."""
        return dict(zip(SPLITS, (self.num_train, self.num_validate, self.num_test), strict=True))


def _require(condition, flag, found, wanted):
    if not condition:
        raise UserError(f"--{flag}: found {found!r}, wanted {wanted}")
