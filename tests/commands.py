"""Runs the project's commands in tests as a user's shell does: a process of its own, its output, its exit status.

The processes are forked from one that has TensorFlow and most of the project imported already (and has run nothing with
it), which saves each of them some seconds.
"""

import contextlib
import json
import multiprocessing
import os
import runpy
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests import arithmetic

_PRELOADED = ["tensorflow", "keras", "pandas", *(f"yt8m_attention.{name}" for name in (
    "training.phase", "evaluation.evaluate_checkpoints", "inference.rank", "reports.report",
))]  # fmt: skip


@dataclass(frozen=True)
class Result:
    status: int
    stdout: str
    stderr: str

    @property
    def json(self):
        """The last line of standard output."""
        return json.loads(self.stdout.splitlines()[-1])


def run(module, *flags, timeout=300, **options):
    """Runs `python -m yt8m_attention.MODULE FLAGS` to its end; options are those of `started`."""
    with started(module, *flags, **options) as command:
        command.process.join(timeout)
        if command.process.exitcode is None:
            raise AssertionError(f"{module} did not end within {timeout} s: {command.stderr}")
        return command.result()


class Started:
    """A command that may still run."""

    def __init__(self, process, folder):
        self.process, self._folder = process, folder

    @property
    def stdout(self):
        return Path(self._folder, "out").read_text()

    @property
    def stderr(self):
        return Path(self._folder, "err").read_text()

    def result(self):
        """What came of it; waits for its end."""
        self.process.join()
        return Result(self.process.exitcode, self.stdout, self.stderr)


@contextlib.contextmanager
def started(module, *flags, setup=None, package="yt8m_attention"):
    """Starts a command; leaving the block kills it where it still runs.

    Args:
      setup: called in its process before anything else; a function of a module, with functools.partial or without.
      package: of the module.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("out", "err"):
            Path(folder, name).touch()
        process = context.Process(target=_main, args=(f"{package}.{module}", list(map(str, flags)), folder, setup))
        process.start()
        try:
            yield Started(process, folder)
        finally:
            process.kill()
            process.join()


def succeed(module, *flags):
    """Runs a command that must succeed, and returns its JSON."""
    result = run(module, *flags)
    assert result.status == 0, result.stderr
    return result.json


def _main(module, flags, folder, setup):
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(os.path.join(folder, name), os.O_WRONLY), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
    arithmetic.stay_in_float32()
    if setup:
        setup()
    sys.argv = [module, *flags]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
