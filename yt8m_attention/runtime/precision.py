"""Choice of the floating-point precision for a device."""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

# Compute capabilities below 7.0 with float16 at twice the rate of float32: 6.0 (P100) and 6.2 (Tegra X2). On 6.1
# (GTX 10 series, P4, P40) float16 has 1/64 of that rate.
_FAST_FLOAT16 = ((6, 0), (6, 2))


def choose(name: str) -> str:
    """Returns the Keras dtype policy for a value of --precision.

    "auto" depends on the first GPU, or on the CPU if there is no GPU:
      bfloat16: GPUs from compute capability 8.0 (A100), and CPUs for which `cpu_is_fast_at_bfloat16` holds;
      float16 with loss scaling: compute capabilities 6.0 (P100), 6.2, and 7.0 (V100) to 7.5;
      float32: all other devices.
    """
    if name != "auto":
        return name
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "mixed_bfloat16" if cpu_is_fast_at_bfloat16() else "float32"
    capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability")
    if capability and capability >= (8, 0):
        return "mixed_bfloat16"
    return "mixed_float16" if capability and (capability >= (7, 0) or capability in _FAST_FLOAT16) else "float32"


def choose_for_scoring(name: str) -> str:
    """Returns the dtype policy for scoring with a trained model.

    It equals `choose`, except that "auto" takes float32 where training takes float16. bfloat16 changes the order of
    near ties only.
    """
    if name != "auto":
        return name
    return "mixed_bfloat16" if choose("auto") == "mixed_bfloat16" else "float32"


def cpu_is_fast_at_bfloat16() -> bool:
    """Returns whether the CPU multiplies bfloat16 faster than float32; False on systems other than Linux.

    CPUs with AMX do. AMD's do with the bfloat16 instructions of AVX-512 (from Zen 4: 1.9 times as fast). Intel's CPUs
    without AMX do not: they issue these instructions at half the rate, and products take 1.2 to 1.6 times as long.
    """
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            first = file.read().partition("\n\n")[0]
    except OSError:
        return False
    fields = {name.strip(): value.split() for name, _, value in (line.partition(":") for line in first.splitlines())}
    flags = fields.get("flags", [])
    return "amx_bf16" in flags or ("avx512_bf16" in flags and fields.get("vendor_id") == ["AuthenticAMD"])


@contextlib.contextmanager
def use(name: str) -> Iterator[str]:
    """Sets the dtype policy of all layers built inside the block, and yields it.

    Layers keep their policy after the block.
    """
    former, policy = keras.config.dtype_policy(), choose(name)
    keras.config.set_dtype_policy(policy)
    try:
        yield policy
    finally:
        keras.config.set_dtype_policy(former)
