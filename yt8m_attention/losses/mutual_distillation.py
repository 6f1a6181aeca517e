"""A mixture teaches its members. Letters: B batch, M members, V classes."""

from keras import ops


def mutual_distillation(members_BMV, mixture_BV, temperature, mask=None):
    """How far the members' answers are from their mixture's, at a temperature; the mixture is taken as given.

    For each member, temperature² times the Kullback-Leibler divergence of sigmoid(member / temperature) from
    sigmoid(mixture / temperature), summed over the classes; then summed over the members, averaged over the bags. The
    factor keeps the gradient's size at any temperature (Hinton et al. 2015). Source: Lin, Xiao & Fan 2018, section 3.3.

    Args:
      members_BMV: logits [B, M, V].
      mixture_BV: logits [B, V]; no gradient passes to them.
      temperature: more than 0; at higher ones the classes that are not among the likely ones count more.
      mask: bool [B], the bags that count; None: all.

    Returns: float32 scalar, in nats, 0 or more. 0 where no bag counts.
    """
    teacher_B1V = ops.expand_dims(ops.stop_gradient(ops.cast(mixture_BV, "float32")), 1) / temperature
    student_BMV = ops.cast(members_BMV, "float32") / temperature
    yes = ops.sigmoid(teacher_B1V)
    # log sigmoid(z) and log sigmoid(-z) are exact where 1 - sigmoid(z) has no digits left.
    divergence_BMV = yes * (ops.log_sigmoid(teacher_B1V) - ops.log_sigmoid(student_BMV)) + (1.0 - yes) * (
        ops.log_sigmoid(-teacher_B1V) - ops.log_sigmoid(-student_BMV)
    )
    loss_B = ops.sum(divergence_BMV, axis=(1, 2)) * temperature**2
    weights_B = ops.ones_like(loss_B) if mask is None else ops.cast(mask, "float32")
    return ops.sum(loss_B * weights_B) / ops.maximum(ops.sum(weights_B), 1.0)
