"""Runs the project's commands in tests as a user's shell does: a process of its own, its output, its exit status.

The processes are forked from one that has TensorFlow imported already (and has run nothing with it), which saves each
of them some seconds.
"""

import json
import multiprocessing
import os
import runpy
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_PRELOADED = ["tensorflow", "keras", "pandas"]


@dataclass(frozen=True)
class Result:
    status: int
    stdout: str
    stderr: str

    @property
    def json(self):
        """The last line of standard output."""
        return json.loads(self.stdout.splitlines()[-1])


def run(module, *flags, timeout=300):
    """Runs `python -m yt8m_attention.MODULE FLAGS` to its end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = context.Process(target=_main, args=(module, [str(flag) for flag in flags], str(out), str(err)))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"{module} did not end within {timeout} s: {err.read_text()}")
        return Result(process.exitcode, out.read_text(), err.read_text())


def succeed(module, *flags):
    """Runs a command that must succeed, and returns its JSON."""
    result = run(module, *flags)
    assert result.status == 0, result.stderr
    return result.json


def _main(module, flags, out, err):
    for number, path in ((1, out), (2, err)):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(handle, number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
    sys.argv = [module, *flags]
    runpy.run_module(f"yt8m_attention.{module}", run_name="__main__", alter_sys=True)
