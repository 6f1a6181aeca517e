"""Which arithmetic a device is good at."""

import contextlib

import keras
import tensorflow as tf

# Compute capabilities before 7.0 that do float16 at twice the rate of float32: P100, Tegra X2. The one between them,
# 6.1 (GTX 10 series, P4, P40), does it at a 64th.
_FAST_FLOAT16 = ((6, 0), (6, 2))


def choose(name: str) -> str:
    """The Keras dtype policy that a value of --precision stands for.

    "auto" asks the first GPU, or where there is none the CPU: bfloat16 where there are units for it, from compute
    capability 8.0 (A100) and as `cpu_is_fast_at_bfloat16` says; float16, with loss scaling, for 6.0 (P100), 6.2, and
    7.0 (V100) to 7.5; float32 on anything else.
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
    """As `choose`, for a trained model's products; but "auto" takes float32 where training takes float16.

    In bfloat16 ranks stay what they are but for near ties.
    """
    if name != "auto":
        return name
    return "mixed_bfloat16" if choose("auto") == "mixed_bfloat16" else "float32"


def cpu_is_fast_at_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 at more than float32's rate; False on systems other than Linux.

    It does with AMX; and AMD's do with AVX-512's bfloat16 instructions (from Zen 4: 1.9 times). Intel's issue half as
    many of these as of float32's, so without AMX nothing is gained: products take 1.2 to 1.6 times as long.
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
def use(name: str):
    """While inside, the choice is the policy of all layers that are built; yields it. Layers keep theirs afterwards."""
    former, policy = keras.config.dtype_policy(), choose(name)
    keras.config.set_dtype_policy(policy)
    try:
        yield policy
    finally:
        keras.config.set_dtype_policy(former)
