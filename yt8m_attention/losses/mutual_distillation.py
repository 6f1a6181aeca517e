"""Mutual distillation between a mixture and its members. Letters: B batch, M members, V classes."""

from keras import ops

from yt8m_attention.aliases import Tensor


def mutual_distillation(
    members_BMV: Tensor, mixture_BV: Tensor, temperature: float, mask: Tensor | None = None
) -> Tensor:
    """Returns the distance of the members' predictions from the mixture's, at a temperature.

    For each member: temperature² times the Kullback-Leibler divergence of softmax(member / temperature) from
    softmax(mixture / temperature), over the classes. It is summed over the members and averaged over the bags. The
    softmax compares which classes are preferred, not their probabilities. The factor keeps the gradient's size at any
    temperature (Hinton et al. 2015). Source: Lin, Xiao & Fan 2018, section 3.3. As in their published code, the
    mixture gets a gradient as well as the members.

    Args:
      members_BMV: logits [B, M, V].
      mixture_BV: logits [B, V].
      temperature: more than 0; a higher temperature gives unlikely classes more weight.
      mask: bool [B], the bags that count; None: all.

    Returns: float32 scalar, in nats, 0 or more; 0 when no bag counts.
    """
    log_mixture_B1V = _log_softmax(ops.expand_dims(mixture_BV, 1), temperature)
    log_members_BMV = _log_softmax(members_BMV, temperature)
    divergence_BMV = ops.exp(log_mixture_B1V) * (log_mixture_B1V - log_members_BMV)
    loss_B = ops.sum(divergence_BMV, axis=(1, 2)) * temperature**2
    weights_B = ops.ones_like(loss_B) if mask is None else ops.cast(mask, "float32")
    return ops.sum(loss_B * weights_B) / ops.maximum(ops.sum(weights_B), 1.0)


def _log_softmax(logits, temperature):
    return ops.log_softmax(ops.cast(logits, "float32") / temperature, axis=-1)
