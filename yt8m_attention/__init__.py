"""Multi-attention networks that find when something happens in a video, from labels that only say what is in it.

Importing the package imports no TensorFlow; the names below are loaded when first used.
"""

import importlib

__version__ = "0.1.0"

_EXPORTS = {
    "TopSegments": "yt8m_attention.inference.ranking",
    "average_precision": "yt8m_attention.metrics.reference",
    "mean_average_precision_at_k": "yt8m_attention.metrics.reference",
    "global_average_precision": "yt8m_attention.metrics.reference",
    "load": "yt8m_attention.data.load",
    "hit_at_one": "yt8m_attention.metrics.reference",
    "perr": "yt8m_attention.metrics.reference",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name):
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_EXPORTS[name]), name)
