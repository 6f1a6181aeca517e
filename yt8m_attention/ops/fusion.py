"""Marks element-wise functions that a compiler can fuse into one kernel.

Matrix products run best in the processor's own library. The element-wise work between them is bound by memory. Compiled
as one function, it reads and writes its arrays once; run operation by operation, it does so a dozen times. `@fused`
marks such a function. It runs uncompiled, on any backend, unless a caller sets a compiler with `compiled_by`.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

_compiler = None


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a function as fusible. Its positional arguments are tensors, its keyword arguments are hashable."""

    @functools.wraps(function)
    def call(*tensors, **settings):
        if _compiler is None:
            return function(*tensors, **settings)
        return _compiled(_compiler, function, tuple(sorted(settings.items())))(*tensors)

    return call


@functools.cache
def _compiled(compiler, function, settings):
    return compiler(functools.partial(function, **dict(settings)))


@contextlib.contextmanager
def compiled_by(compiler: Callable[[Callable[..., Any]], Callable[..., Any]] | None) -> Iterator[None]:
    """Compiles every fused function that is called or traced inside the block.

    Args:
      compiler: function that takes a function of tensors and returns it compiled, differentiable if gradients are
        needed. None: fused functions run uncompiled.
    """
    global _compiler
    previous, _compiler = _compiler, compiler
    try:
        yield
    finally:
        _compiler = previous
