"""What a run is, as frozen values: flags end here, and nothing below reads a flag.

An option is declared once, as a field of one of these classes (option.py).
"""

from yt8m_attention.config.data import Data, Features, Sampling
from yt8m_attention.config.model import Model
from yt8m_attention.config.option import (
    LARGEST,
    LARGEST_SIZE,
    Options,
    all_options,
    count,
    option,
    options_of,
    require,
    scored_options,
    shared,
    size,
)
from yt8m_attention.config.scoring import Scoring
from yt8m_attention.config.serialization import from_dict, to_dict
from yt8m_attention.config.training import RATED_HOLDOUT, Augmentation, Phase, Run

__all__ = [
    "LARGEST",
    "LARGEST_SIZE",
    "RATED_HOLDOUT",
    "Augmentation",
    "Data",
    "Features",
    "Model",
    "Options",
    "Phase",
    "Run",
    "Sampling",
    "Scoring",
    "all_options",
    "count",
    "from_dict",
    "option",
    "options_of",
    "require",
    "scored_options",
    "shared",
    "size",
    "to_dict",
]
