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


def choose_for_scoring(name: str) -> str:
    """As `choose`, for a trained model's products.

    "auto" takes bfloat16 on a CPU with AMX too: scoring has no sums over steps in which its rounding could add up, and
    ranks stay what they are but for near ties. AVX-512's bfloat16 instructions alone gain nothing: through oneDNN
    3.7 their products took 1.2 to 1.6 times as long as float32's. And float32, not float16, on a P100.
    """
    if name != "auto":
        return name
    if not tf.config.list_physical_devices("GPU"):
        return "mixed_bfloat16" if "amx_bf16" in _cpu_flags() else "float32"
    return "mixed_bfloat16" if choose("auto") == "mixed_bfloat16" else "float32"


def _cpu_flags():
    """What the processor has, as Linux names it; empty on other systems."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return set()
    return set(flags.partition(":")[2].split())


def use(name: str) -> str:
    """Makes the choice the policy of all layers built from here on, and returns it."""
    policy = choose(name)
    keras.mixed_precision.set_dtype_policy(policy)
    return policy
