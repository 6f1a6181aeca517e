"""Over which devices a step is spread, and how a batch is cut up for them."""

import tensorflow as tf


def strategy(name: str, num_gpu: int | None = None) -> tf.distribute.Strategy:
    """The strategy that a value of --distribution stands for.

    Args:
      name: "auto", every GPU where there are several, else the one device; "one"; "mirrored", every logical device
        of the kind there is, which also serves to try the machinery on a CPU.
      num_gpu: largest number of GPUs to use; None: no limit.
    """
    gpus = tf.config.list_logical_devices("GPU")[:num_gpu]
    if name == "one" or (name == "auto" and len(gpus) < 2):
        return tf.distribute.get_strategy()
    devices = gpus or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def only_gpu(over: tf.distribute.Strategy) -> str | None:
    """The GPU on which all of a strategy's work is done; None where that is the CPU, or several share it."""
    gpus = tf.config.list_logical_devices("GPU")
    return gpus[0].name if gpus and over.num_replicas_in_sync == 1 else None


def split(batch: dict, over: tf.distribute.Strategy):
    """A batch's rows, dealt to the replicas in runs whose lengths differ by one at most.

    A replica for which no row is left, as of the last batch of all, gets one of padding: nothing on its mask, no part
    in the loss, and none in any batch norm's statistics.

    Returns:
      (the rows, a dict as the batch; float32 scalar, how large a share of the batch's rows they are), of each replica.
    """
    replicas, rows = over.num_replicas_in_sync, int(batch["frames"].shape[0])
    if replicas == 1:
        return batch, tf.constant(1.0)

    def part(context):
        start, end = (rows * (context.replica_id_in_sync_group + i) // replicas for i in (0, 1))
        if start == end:
            return {key: tf.zeros_like(value[:1]) for key, value in batch.items()}, tf.constant(0.0)
        return {key: value[start:end] for key, value in batch.items()}, tf.constant((end - start) / rows)

    # On the host: else the first GPU would be sent all the rows, and hand the others theirs.
    with tf.device("CPU:0"):
        return over.experimental_distribute_values_from_function(part)
