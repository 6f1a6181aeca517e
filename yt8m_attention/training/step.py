"""The training step: loss, gradient, clipping and update, on one or several devices."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from yt8m_attention.aliases import Batch, Tensor
from yt8m_attention.config import Phase
from yt8m_attention.losses import targets
from yt8m_attention.losses.weighted_cross_entropy import weighted_cross_entropy
from yt8m_attention.ops import fusion
from yt8m_attention.runtime import compilation, distribution
from yt8m_attention.training import mixup


def make_step(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    phase: Phase,
    class_weights: np.ndarray,
    strategy: tf.distribute.Strategy,
    jit_compile: bool,
    teacher_fn: Callable[[Batch], Tensor] | None = None,
) -> Callable[[Batch], dict[str, Tensor]]:
    """Builds the function that trains on one batch.

    Args:
      model: follows the model contract; its variables are changed in place.
      optimizer: built for the model's trainable variables.
      phase: handling of unrated pairs, weight of the teachers, and maximum norm of the gradient.
      class_weights: float [V], the weight of each class in the loss.
      strategy: the replicas. Gradients are summed over the replicas before clipping.
      jit_compile: whether XLA compiles the step.
      teacher_fn: function of bags -> probabilities [B, V] (teachers.load); None: train on labels only.

    Returns:
      A function of a batch -> dict of scalars. The batch holds frames [B, T, F], mask [B, T], labels [B, V],
      rated [B, V], and mixup_lambda [B] if mixup.mix shall mix its bags. The scalars are `loss`, the cross-entropy plus
      penalties of this batch before the update, and `gradient_norm`, the norm before clipping.
    """
    variables = model.trainable_variables
    weights = tf.constant(class_weights, tf.float32)
    # Compiling fused functions helps with 16-bit arrays, which every single operation would widen
    # (docs/performance.md). A compiled step does not need it, and XLA does not support several replicas on a CPU.
    compile_fused = model.compute_dtype != "float32" and not jit_compile and strategy.num_replicas_in_sync == 1
    compiler = compilation.xla if compile_fused else None

    def replica_step(batch, share):
        bags, labels, counts = _targets(batch, phase, teacher_fn)
        with tf.GradientTape() as tape:
            with fusion.compiled_by(compiler):
                outputs = model(bags, training=True)
            loss = sum(weighted_cross_entropy(labels, p, counts, weights) for p in _predictions(outputs))
            # The shares of the replicas add up to 1. So the means over rows add up to the mean of the whole batch, and
            # the penalties, which are equal on all replicas, count once.
            loss = (loss + sum(model.losses)) * share
            objective = scale_loss(loss)
        gradients = tape.gradient(objective, variables)
        return loss, *apply(gradients)

    def scale_loss(loss):
        return optimizer.scale_loss(loss) if scaled else loss

    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)

    def apply(gradients):
        replicas = strategy.num_replicas_in_sync
        if replicas > 1:
            gradients = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        norm = tf.linalg.global_norm(gradients)
        if scaled:
            norm = norm / tf.cast(optimizer.dynamic_scale, norm.dtype)
        factor = (
            phase.clip_gradient_norm / tf.maximum(norm, phase.clip_gradient_norm) if phase.clip_gradient_norm else 1.0
        )
        # Divided, because Keras sums over the replicas once more.
        optimizer.apply([gradient * (factor / replicas) for gradient in gradients], variables)
        return (norm,)

    compiled = tf.function(replica_step, jit_compile=jit_compile)

    @tf.function
    def step(batch, share):
        loss, norm = strategy.run(compiled, args=(batch, share))
        loss = strategy.reduce(tf.distribute.ReduceOp.SUM, loss, axis=None)
        norm = strategy.reduce(tf.distribute.ReduceOp.MEAN, norm, axis=None)
        return {"loss": loss, "gradient_norm": norm}

    def train_on(batch):
        return step(*distribution.split(batch, strategy))

    return train_on


def _targets(batch, phase, teacher_fn):
    """Returns (bags, labels [B, V], weight of each pair [B, V], or None if all weights are 1) for a batch."""
    bags = {name: batch[name] for name in ("frames", "mask")}
    labels, counts = batch["labels"], batch["rated"] if phase.unrated == "ignore" else None
    if teacher_fn is None and "mixup_lambda" not in batch:
        return bags, labels, counts
    all_pairs = tf.ones_like(batch["rated"])
    target = labels, all_pairs if counts is None else counts
    if "mixup_lambda" in batch:
        bags, target = mixup.mix(bags, target, batch["mixup_lambda"])
    if teacher_fn is not None:
        target = targets.mix(target, (teacher_fn(bags), all_pairs), 1.0 - phase.teacher_weight)
    return bags, *target


def _predictions(outputs):
    """Returns all probabilities [B, V] that the loss compares with the targets: of the network and of its members."""
    members = outputs.get("member_probabilities")
    return [outputs["probabilities"]] + ([] if members is None else tf.unstack(members, axis=1))
