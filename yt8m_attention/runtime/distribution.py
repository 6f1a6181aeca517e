"""Distribution of a training step over devices."""

from typing import Any

import tensorflow as tf

from yt8m_attention.aliases import Batch


def strategy(name: str, num_gpu: int | None = None) -> tf.distribute.Strategy:
    """Returns the strategy for a value of --distribution.

    Args:
      name: "one": a single device. "mirrored": all GPUs, or all logical CPUs where there is no GPU, which allows tests
        of the distributed code on a CPU. "auto": all GPUs if there are several, else a single device.
      num_gpu: maximum number of GPUs to use; None: no limit.
    """
    gpus = tf.config.list_logical_devices("GPU")[:num_gpu]
    if name == "one" or (name == "auto" and len(gpus) < 2):
        return tf.distribute.get_strategy()
    devices = gpus or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def only_gpu(over: tf.distribute.Strategy) -> str | None:
    """Returns the only GPU of a strategy, or None if it uses the CPU or several GPUs."""
    gpus = tf.config.list_logical_devices("GPU")
    return gpus[0].name if gpus and over.num_replicas_in_sync == 1 else None


def split(batch: Batch, over: tf.distribute.Strategy) -> tuple[Any, Any]:
    """Splits the rows of a batch between the replicas, in consecutive parts whose lengths differ by at most one.

    The last batch of an epoch may have fewer rows than there are replicas. A replica without rows gets one row of
    padding: its mask is empty, and it counts neither in the loss nor in the statistics of batch normalization.

    Returns:
      (rows, share), each with one value per replica: rows is a dict like the batch, share a float32 scalar, the number
      of its rows divided by that of the whole batch.
    """
    replicas, rows = over.num_replicas_in_sync, int(batch["frames"].shape[0])
    if replicas == 1:
        return batch, tf.constant(1.0)

    def part(context):
        start, end = (rows * (context.replica_id_in_sync_group + i) // replicas for i in (0, 1))
        if start == end:
            return {key: tf.zeros_like(value[:1]) for key, value in batch.items()}, tf.constant(0.0)
        return {key: value[start:end] for key, value in batch.items()}, tf.constant((end - start) / rows)

    # On the host, so that each GPU receives its own rows only, not all of them by way of the first GPU.
    with tf.device("CPU:0"):
        return over.experimental_distribute_values_from_function(part)
