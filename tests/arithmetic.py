"""Tests compute alike on every machine."""


def stay_in_float32():
    """In this process, --precision=auto is float32, whatever the processor is good at.

    A test must not pass on one machine and fail, or take longer, on another. What 16 bits change has tests that ask for
    them; the scripts' tests run as users do.
    """
    from yt8m_attention.runtime import precision  # here, since it loads TensorFlow

    precision.cpu_is_fast_at_bfloat16 = lambda: False
