"""Weights of an ensemble, given or fitted on rated segments that no member was trained on, and what each is worth."""

import logging

from yt8m_attention.ensembling import blend

logger = logging.getLogger(__name__)


def judge(pairs, names, method, weights=None):
    """Says what each member is worth in a blend.

    Args:
      pairs: rated_pairs.RatedPairs.
      names: of the members.
      method: one of blend.METHODS.
      weights: one a member, see blend.normalised; None: they are fitted.

    Returns:
      (weights float64, one a member, that sum to 1; the blend's MAP on these pairs).
    """
    members = pairs.averaged(method)
    weights = blend.fit(members, pairs.judge) if weights is None else blend.normalised(weights, len(members))
    gains = blend.gains(members, weights, pairs.judge)
    logger.info(f"MAP of {len(pairs.labels):,} rated pairs, by member: its weight, alone, what the blend loses "
                "without it, what it adds to those above it")  # fmt: skip
    width = max(map(len, names))
    for name, *values in zip(names, weights, gains.alone, gains.left_out, gains.added, strict=True):
        logger.info("{:{}}  {:.2f}  {:.4f}  {:+.4f}  {:+.4f}".format(name, width, *values).replace("+nan", "-"))
    logger.info(f"{'blend':{width}}        {gains.blend:.4f}")
    return weights, gains.blend
