"""What evaluation looks at."""

from dataclasses import dataclass

from yt8m_attention import schema
from yt8m_attention.config import Options, count, option, size


@dataclass(frozen=True)
class Evaluation(Options):
    """What evaluation looks at; each command takes some of it."""

    run_once: bool = option(
        True, "evaluate one checkpoint and end; --norun_once: evaluate every new one that a training run writes"
    )
    top_k: int = size(
        schema.TOP_CLASSES, "number of best classes of a video that GAP and MAP look at, and that inference writes"
    )
    num_examples: int | None = count(None, "maximum number of videos, and of segments, to score; absent: all")
    top_n: int = count(schema.TOP_SEGMENTS, "number of best segments of a class that count; 0: all", least=0)
    label_cache: str | None = option(
        None, "npz file of the ratings: read if it holds those of the given files, else written; absent: none"
    )
