"""What evaluation looks at."""

from dataclasses import dataclass

from yt8m_attention import schema
from yt8m_attention.config import LARGEST, LARGEST_SIZE, Options, option


@dataclass(frozen=True)
class Evaluation(Options):
    """What evaluation looks at; each command takes some of it."""

    run_once: bool = option(
        True, "evaluate one checkpoint and end; --norun_once: evaluate every new one that a training run writes"
    )
    top_k: int = option(
        schema.TOP_CLASSES,
        "number of best classes of a video that GAP and MAP look at, and that inference writes",
        least=1,
        most=LARGEST_SIZE,
    )
    num_examples: int | None = option(
        None, "maximum number of videos, and of segments, to score; absent: all", least=1, most=LARGEST
    )
    top_n: int = option(schema.TOP_SEGMENTS, "number of best segments of a class that count", least=1, most=LARGEST)
    label_cache: str | None = option(
        None, "npz file of the ratings: read if it holds those of the given files, else written; absent: none"
    )
