"""Conversion of bytes to values and back."""

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from yt8m_attention.ops.quantize import dequantize, quantize

BYTES = np.arange(256, dtype=np.uint8)


def test_the_published_values():
    values = dequantize(BYTES)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, BYTES * (4 / 255) + 4 / 512 - 2, rtol=0, atol=3e-7)


def test_every_byte_comes_back():
    back = quantize(dequantize(BYTES))
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, BYTES)


@given(st.floats(-1.99, 2))
def test_a_value_comes_back_within_half_a_step(value):
    assert abs(float(dequantize(quantize([value]))[0]) - value) <= 2 / 255 + 1e-6


def test_values_out_of_range_are_clipped():
    np.testing.assert_array_equal(quantize([-1e9, -2.1, 2.1, np.inf, -np.inf]), [0, 0, 255, 255, 0])


def test_quantizing_needs_no_keras():
    code = (
        "import sys; from yt8m_attention.ops import quantize; quantize.quantize([0]); assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
