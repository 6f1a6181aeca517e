"""Functions of element-wise work between matrix products, each worth compiling into one kernel.

Matrix products run best in the processor's own library. The element-wise work between them is bound by memory: compiled
as one function it reads and writes its arrays once, operation by operation a dozen times. `@fused` marks such a
function. It runs uncompiled, on any backend, unless a caller that knows the backend sets a compiler (`compiled_by`).
"""

import contextlib
import functools

_compiler = None


def fused(function):
    """Marks a function of tensors and hashable keyword arguments as one that a compiler may fuse."""

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
def compiled_by(compiler):
    """Inside the block, every fused function that is called or traced is compiled.

    Args:
      compiler: function of (function of tensors) -> the compiled function, differentiable if gradients are needed.
        None: fused functions run uncompiled.
    """
    global _compiler
    former, _compiler = _compiler, compiler
    try:
        yield
    finally:
        _compiler = former
