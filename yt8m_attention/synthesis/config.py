"""The configuration of a synthetic data set."""

from dataclasses import dataclass

from yt8m_attention import schema
from yt8m_attention.config import LARGEST, Data, Features, Options, Run, count, option, require, shared

SPLITS = ("train", "validate", "test")


@dataclass(frozen=True)
class SynthesisConfig(Options):
    """A synthetic data set; equal configurations make equal bytes."""

    num_train: int = count(600, "number of videos with noisy video labels, to learn from", least=0)
    num_validate: int = count(200, "number of videos with rated segments, to learn from", least=0)
    num_test: int = count(200, "number of videos with rated segments, to score on", least=0)
    num_classes: int = shared(Data, "num_classes", most=LARGEST)
    num_segment_classes: int | None = option(
        None,
        "number of classes that segments are rated for; absent: three in five, with --sources all that are frequent",
    )
    features: Features = Features()
    video_frames: tuple[int, int] = option(
        (70, 120),
        "number of frames of the shortest and of the longest video; absent: 70,120, with --sources 120,300",
        flag_default=None,
    )
    segment_size: int = shared(Data, "segment_size", most=LARGEST)
    per_shard: int = count(100, "number of videos in a file")
    sources: str | None = option(
        None, "real video-level YouTube-8M files, a glob pattern, to compose videos from; absent: planted classes"
    )
    seed: int = shared(Run, "seed", most=LARGEST)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(any(self.counts.values()), "num_train", 0, "at least one video, here or in another split")
        chosen = self.num_classes if self.num_segment_classes is None else self.num_segment_classes
        up_to = f"1 to --num_classes={self.num_classes}"
        require(1 <= chosen <= self.num_classes, "num_segment_classes", chosen, up_to)
        least = sum(schema.RATED_WINDOW) + self.segment_size  # a shorter video has no segment that could be rated
        require(
            len(self.video_frames) == 2 and least <= self.video_frames[0] <= self.video_frames[1] <= schema.MAX_FRAMES,
            "video_frames", self.video_frames,
            f"shortest,longest from {least}, with --segment_size={self.segment_size}, to {schema.MAX_FRAMES}",
        )  # fmt: skip

    @property
    def counts(self) -> dict[str, int]:
        """Number of videos of each split, by its name."""
        return dict(zip(SPLITS, (self.num_train, self.num_validate, self.num_test), strict=True))
