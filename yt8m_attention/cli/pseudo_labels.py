"""Which segments of a ranking get a pseudo-label."""

from dataclasses import dataclass

from absl import flags

from yt8m_attention.cli import options
from yt8m_attention.config import RATED_HOLDOUT, Data, Options, Phase, option
from yt8m_attention.ensembling.pseudo_labels import Rule

FLAGS = flags.FLAGS

_MOST = 1 << 24  # of a class


@dataclass(frozen=True)
class PseudoLabels(Options):
    """Which segments of a ranking get a pseudo-label."""

    positives: int = option(
        100, "number of best-ranked segments of each class that become positives", least=1, most=_MOST
    )
    negatives: int | None = option(
        None,
        "number of segments of each class that become negatives; absent: as many as positives",
        least=0,
        most=_MOST,
    )
    negatives_from: int | None = option(
        None,
        "rank, 1 being the best, from which on negatives are taken at even distances; absent: the last of the ranking",
        least=2,
        most=_MOST,
    )
    max_per_video: int = option(
        0, "maximum number of positives, and of negatives, of a class in a video; 0: any number", least=0, most=_MOST
    )


DATA = options.some(Data, "features", "num_classes", "segment_size", "index_dir", "max_bad_records", "cache_dir")
HELD_OUT = options.some(Phase, holdout_fraction={"flag_default": RATED_HOLDOUT, "below": None, "most": 1})


def rule() -> Rule:
    """Which segments the flags ask for."""
    asked = options.collect(PseudoLabels)
    negatives = asked.positives if asked.negatives is None else asked.negatives
    return Rule(asked.positives, negatives, asked.negatives_from, asked.max_per_video)
