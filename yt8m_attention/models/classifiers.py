"""Builds the classifier layer that `--video_level_classifier_model` names."""

from typing import Any

from yt8m_attention import config as configs
from yt8m_attention.config.model import L2_PENALTIES
from yt8m_attention.layers.logistic import Logistic
from yt8m_attention.layers.mixture_of_experts import MixtureOfExperts


def build_classifier(config: configs.Model) -> Logistic | MixtureOfExperts:
    """Returns the classifier of a configuration: a layer [..., H] -> probabilities [..., V].

    The layer's call takes `mask` and `training`.
    """
    kind = config.video_level_classifier_model
    l2 = L2_PENALTIES[kind] if config.l2_penalty is None else config.l2_penalty
    shared: dict[str, Any] = {"l2": l2, "prior_probability": config.prior_probability, "name": "classifier"}
    if kind == "logistic":
        return Logistic(config.num_classes, **shared)
    return MixtureOfExperts(
        config.num_classes,
        num_mixtures=config.moe_num_mixtures,
        probability_gating=config.moe_probability_gating,
        **shared,
    )
