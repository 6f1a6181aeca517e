"""The choice of the precision for a device; only the model built with it has it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import runs
from yt8m_attention.config import Phase
from yt8m_attention.errors import UserError
from yt8m_attention.runs import model_state, restore
from yt8m_attention.runtime import compilation, precision
from yt8m_attention.runtime.precision import cpu_is_fast_at_bfloat16  # the real one: tests/arithmetic.py
from yt8m_attention.training import optimizer, phase


@pytest.fixture
def device(monkeypatch):
    """A function that replaces the devices of this machine by a device with the given details."""

    def put(gpu, cpu_is_fast):
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [] if gpu is None else ["the GPU"])
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda _: gpu)
        monkeypatch.setattr(precision, "cpu_is_fast_at_bfloat16", lambda: cpu_is_fast)

    return put


@pytest.mark.parametrize(
    "gpu, cpu_is_fast, training, scoring",
    [
        (None, False, "float32", "float32"),
        (None, True, "mixed_bfloat16", "mixed_bfloat16"),
        ({}, True, "float32", "float32"),
        *(
            ({"compute_capability": capability}, True, training, scoring)
            for capabilities, training, scoring in (
                (((3, 7), (5, 3), (6, 1)), "float32", "float32"),
                (((6, 0), (6, 2), (7, 0), (7, 5)), "mixed_float16", "float32"),
                (((8, 0), (8, 9), (9, 0), (12, 0)), "mixed_bfloat16", "mixed_bfloat16"),
            )
            for capability in capabilities
        ),
    ],
)
def test_each_device_gets_its_fastest_precision(device, gpu, cpu_is_fast, training, scoring):
    device(gpu, cpu_is_fast)
    assert (precision.choose("auto"), precision.choose_for_scoring("auto")) == (training, scoring)
    for given in ("float32", "mixed_bfloat16", "mixed_float16"):
        assert precision.choose(given) == precision.choose_for_scoring(given) == given


@pytest.mark.parametrize(
    "vendor, flags, fast",
    [
        ("GenuineIntel", "fpu avx512f avx512_bf16", False),
        ("GenuineIntel", "fpu avx512_bf16 amx_bf16 amx_tile", True),
        ("AuthenticAMD", "fpu avx2", False),
        ("AuthenticAMD", "avx512f avx512_bf16", True),
    ],
)
def test_the_first_processor_counts(monkeypatch, tmp_path, vendor, flags, fast):
    """The file describes a second processor with the opposite property."""
    other = "avx2" if fast else "amx_bf16"
    cpus = [
        f"processor\t: {i}\nvendor_id\t: {vendor}\nflags\t\t: {f}\nbugs\t\t:\n" for i, f in enumerate((flags, other))
    ]
    _put_cpuinfo(monkeypatch, tmp_path, "\n".join(cpus))
    assert cpu_is_fast_at_bfloat16() == fast


@pytest.mark.parametrize("text", ["", "Hardware\t: other\n", None])
def test_an_unknown_processor_is_not_fast(monkeypatch, tmp_path, text):
    _put_cpuinfo(monkeypatch, tmp_path, text)
    assert not cpu_is_fast_at_bfloat16()


def _put_cpuinfo(monkeypatch, tmp_path, text):
    """Replaces the content of /proc/cpuinfo; None: the file is absent."""
    path, real = tmp_path / "cpuinfo", open
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr("builtins.open", lambda name, *rest, **named: real(path, *rest, **named))


def test_layers_keep_the_policy_they_were_built_with_and_later_layers_do_not_get_it():
    with precision.use("mixed_bfloat16") as policy:
        inside = keras.layers.Dense(1)
        with pytest.raises(ZeroDivisionError), precision.use("mixed_float16"):
            raise ZeroDivisionError
        again = keras.layers.Dense(1)
    outside = keras.layers.Dense(1)
    assert policy == "mixed_bfloat16"
    assert [layer.compute_dtype for layer in (inside, again, outside)] == ["bfloat16", "bfloat16", "float32"]


def test_a_model_trained_in_16_bits_is_restored_in_float32(planted, tmp_path):
    phase.train(runs.small(planted, tmp_path, model=runs.FULL, max_steps=1, run={"precision": "mixed_bfloat16"}), {})
    with precision.use("mixed_bfloat16"):
        model = restore.load(str(tmp_path)).model
    assert {layer.compute_dtype for layer in model._flatten_layers()} == {"float32"}


@pytest.mark.parametrize("scaled", [False, True])
def test_a_checkpoint_of_another_precision_can_be_resumed(scaled):
    """Only the variables of loss scaling may be missing; all others are required."""

    def variables(loss_scaling):
        kernel = keras.Variable(np.ones((2, 3)), name="kernel")
        adam = optimizer.build(Phase(max_steps=1), loss_scaling)
        adam.build([kernel])
        return {f"optimizer/{variable.path}": variable for variable in adam.variables}

    there, here = variables(scaled), variables(not scaled)
    rest = sorted(there.keys() & here.keys())
    arrays = {name: np.full(variable.shape, 7) for name, variable in there.items()}
    before = {name: np.asarray(variable) for name, variable in here.items() if name not in rest}
    model_state.assign(here, arrays, "step-7.npz")
    assert len(rest) == 3 and all((np.asarray(here[name]) == 7).all() for name in rest)
    assert all(np.asarray(here[name]) == value for name, value in before.items()) and bool(before) == (not scaled)
    for name in rest:
        with pytest.raises(UserError, match=f"step-7.npz: has no {name}; it is a checkpoint of another model"):
            model_state.assign(here, {n: array for n, array in arrays.items() if n != name}, "step-7.npz")


@pytest.mark.parametrize("gpus", [0, 1, 4])
@pytest.mark.parametrize("replicas", [1, 4])
def test_the_whole_step_is_compiled_on_one_gpu_or_on_request(monkeypatch, gpus, replicas):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["the GPU"] * gpus)
    assert not compilation.whole_step("off", replicas)
    assert compilation.whole_step("auto", replicas) == (gpus > 0 and replicas == 1)
    if gpus or replicas == 1:
        assert compilation.whole_step("on", replicas)
    else:
        with pytest.raises(UserError, match=r"--jit_compile=on: .* 4 replicas on a CPU; give .*=off"):
            compilation.whole_step("on", replicas)
