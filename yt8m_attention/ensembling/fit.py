"""Fits and judges the weights of an ensemble on rated segments that no member was trained on."""

import logging
from collections.abc import Sequence

import numpy as np

from yt8m_attention.ensembling import blend
from yt8m_attention.ensembling.rated_pairs import RatedPairs

logger = logging.getLogger(__name__)


def judge(
    pairs: RatedPairs, names: Sequence[str], method: str, weights: Sequence[float] | None = None
) -> tuple[np.ndarray, float]:
    """Logs the gain of each member in a blend.

    Args:
      pairs: rated pairs with the scores of the members.
      names: names of the members.
      method: one of blend.METHODS.
      weights: one per member, see blend.normalised; None: fitted.

    Returns:
      (float64 weights, one per member, that sum to 1; MAP of the blend on these pairs).
    """
    members = pairs.averaged(method)
    fitted = blend.fit(members, pairs.judge) if weights is None else blend.normalised(weights, len(members))
    gains = blend.gains(members, fitted, pairs.judge)
    logger.info(f"MAP of {len(pairs.labels):,} rated pairs, by member: weight, MAP alone, loss of the blend "
                "without it, gain over the members above it")  # fmt: skip
    width = max(map(len, names))
    for name, *values in zip(names, fitted, gains.alone, gains.left_out, gains.added, strict=True):
        logger.info("{:{}}  {:.2f}  {:.4f}  {:+.4f}  {:+.4f}".format(name, width, *values).replace("+nan", "-"))
    logger.info(f"{'blend':{width}}        {gains.blend:.4f}")
    return fitted, gains.blend
