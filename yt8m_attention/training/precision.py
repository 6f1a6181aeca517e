"""Which arithmetic a device is good at."""

import keras
import tensorflow as tf


def choose(name: str) -> str:
    """The Keras dtype policy that a value of --precision stands for.

    "auto" asks the first GPU: bfloat16 from compute capability 8.0 (A100), which has units for it; float16, with loss
    scaling, from 6.0 (P100) to 7.5; float32 on anything else, the CPU among it.
    """
    if name != "auto":
        return name
    gpus = tf.config.list_physical_devices("GPU")
    capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability") if gpus else None
    if not capability or capability < (6, 0):
        return "float32"
    return "mixed_bfloat16" if capability >= (8, 0) else "mixed_float16"


def use(name: str) -> str:
    """Makes the choice the policy of all layers built from here on, and returns it."""
    policy = choose(name)
    keras.mixed_precision.set_dtype_policy(policy)
    return policy
