"""What records hold, and how they become bags of frames."""

from dataclasses import dataclass

from yt8m_attention import schema
from yt8m_attention.config.option import LARGEST, LARGEST_SIZE, Options, count, option, require, size


@dataclass(frozen=True)
class Features(Options):
    """The streams of a frame, concatenated in this order."""

    names: tuple[str, ...] = option(schema.FEATURE_NAMES, "streams of a frame, in order", flag="feature_names")
    sizes: tuple[int, ...] = size(schema.FEATURE_SIZES, "number of features of each stream", flag="feature_sizes")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.names and len(set(self.names)) == len(self.names), "feature_names", self.names, "distinct names")
        one_each = f"one size for each of --feature_names={','.join(self.names)}"
        require(len(self.names) == len(self.sizes), "feature_sizes", self.sizes, one_each)

    @property
    def total(self) -> int:
        """Features of one frame over all streams (F)."""
        return sum(self.sizes)


@dataclass(frozen=True)
class Sampling(Options):
    """Which frames of a video make up its bag. The bag of a segment is always all frames of the segment."""

    frame_sampling: str = option(
        "random",
        "frames of a video's bag: random with replacement, every N-th, or all",
        choices=("random", "every", "all"),
    )
    num_frames: int = size(120, "random: number of frames drawn from a video")
    trim_frames: int = size(15, "random, all: number of frames left out at either end of a longer video", least=0)
    frame_stride: int = size(5, "every: number of frames from one taken to the next")
    first_frame: int = size(20, "every: first frame taken; 0 for a video that ends before it", least=0)
    last_frame: int = option(270, "every: last frame that may be taken")
    max_frames: int = size(
        schema.MAX_FRAMES, "all, and random at evaluation: number of frames of a video that are read"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        in_order = self.first_frame <= self.last_frame <= LARGEST_SIZE
        require(in_order, "last_frame", self.last_frame, f"--first_frame={self.first_frame} to {LARGEST_SIZE}")


@dataclass(frozen=True)
class Data(Options):
    """What the records hold, and how they are read."""

    features: Features = Features()
    num_classes: int = size(schema.NUM_CLASSES, "number of classes of the vocabulary")
    sampling: Sampling = Sampling()
    segment_size: int = size(schema.SEGMENT_SIZE, "number of frames of a segment")
    frame_seconds: float = option(
        1.0, "seconds between frames; AudioSet's are 0.96", least=0.001, most=3600, changes_scores=False
    )
    segment_window: tuple[int, int] = option(
        schema.RATED_WINDOW, "frames at the head and the tail of a video in which inference ranks no segment"
    )
    segment_classes: tuple[int, ...] | None = None  # ids of the classes that segments are rated for; None: as rated
    shuffle_shards: int = count(
        0,
        "number of shards open at once, across which records are shuffled; 0: all if they are local, else 16",
        least=0,
        changes_scores=False,
    )
    index_dir: str | None = option(
        None,
        "directory of the shards' indices; absent: a hidden file beside each shard, if possible; none: no index files",
        changes_scores=False,
    )
    verify_crc: bool = option(False, "compare the checksum of each record when it is first read", changes_scores=False)
    max_bad_records: int = count(
        0, "maximum number of bad records to skip before the run fails", least=0, changes_scores=False
    )
    cache_dir: str | None = option(
        None, "directory of the copies of remote shards; absent: a temporary directory", changes_scores=False
    )
    cache_bytes: int = option(
        2 << 30,
        "bytes of copies of remote shards that are kept beside those in use, the most recently used ones; and of rated "
        "segments that training keeps in memory",
        least=0,
        most=(1 << 63) - 1,
        changes_scores=False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        window = self.segment_window
        within = len(window) == 2 and 0 <= min(window) <= max(window) <= LARGEST
        require(within, "segment_window", window, "two numbers of frames, 0 or more")
        for c in self.segment_classes or ():
            below = f"class ids below --num_classes={self.num_classes}"
            require(0 <= c < self.num_classes, "segment_label_ids_file", c, below)
