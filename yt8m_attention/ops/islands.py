"""Islands: element-wise work between matrix products that is worth compiling in one piece.

Matrix products run best in the processor's own library, while the element-wise work between them is bound by memory:
compiled as one function it passes over its arrays once, where operation by operation it does so a dozen times. An
island is a function of tensors marked as such. It runs as it is, on any backend, unless a caller that knows the backend
says how islands are to be compiled.
"""

import contextlib
import functools

_compiler = None


def island(function):
    """Marks a function of tensors, and of hashable keyword arguments, as an island."""

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
    """While inside, islands that are called or traced are compiled.

    Args:
      compiler: function of (function of tensors) -> the compiled function, differentiable if islands have to be; None:
        islands run as they are.
    """
    global _compiler
    former, _compiler = _compiler, compiler
    try:
        yield
    finally:
        _compiler = former
