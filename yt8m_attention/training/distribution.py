"""Over which devices a step is spread, and how a batch is cut up for them."""

import tensorflow as tf

from yt8m_attention.errors import UserError


def strategy(name: str) -> tf.distribute.Strategy:
    """The strategy that a value of --distribution stands for.

    Args:
      name: "auto", every GPU where there are several, else the one device; "one"; "mirrored", every logical device
        of the kind there is, which also serves to try the machinery on a CPU.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "one" or (name == "auto" and len(gpus) < 2):
        return tf.distribute.get_strategy()
    devices = gpus or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def split(batch: dict, over: tf.distribute.Strategy):
    """A batch's rows, dealt to the replicas in equal runs; the last may be shorter.

    Raises:
      UserError: where a replica would be left without a row.
    """
    replicas = over.num_replicas_in_sync
    if replicas == 1:
        return batch
    rows = int(batch["frames"].shape[0])
    share = -(-rows // replicas)
    if share * (replicas - 1) >= rows:
        raise UserError(
            f"--batch_size: a batch of {rows} leaves one of {replicas} devices without work; make it larger"
        )

    def part(context):
        start = share * context.replica_id_in_sync_group
        return {key: value[start : start + share] for key, value in batch.items()}

    return over.experimental_distribute_values_from_function(part)
