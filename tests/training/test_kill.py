"""A run killed at any moment and started again ends with the weights of one that was never killed."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import commands
from tests.training import runs

ROOT = Path(__file__).resolve().parents[2]
STEPS = 40


def _flags(planted, train_dir):
    return runs.flags(planted, train_dir, f"--max_steps={STEPS}")


def _kill_once(flags, seconds):
    """Starts the command and kills it so many seconds after its first checkpoint could come; True if it was alive."""
    process = subprocess.Popen(
        [sys.executable, "-m", "yt8m_attention.train", *flags],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stderr:
        if line.startswith("multi_attention:"):  # set up; the steps begin
            break
    time.sleep(seconds)
    alive = process.poll() is None
    process.kill()
    process.communicate()
    return alive


def _survives(planted, folder, kills, rng):
    whole = commands.succeed("train", *_flags(planted, folder / "whole"))
    killed = folder / "killed"
    alive = [_kill_once(_flags(planted, killed), rng.uniform(0, 4)) for _ in range(kills)]
    assert any(alive)
    result = commands.succeed("train", *_flags(planted, killed))
    assert result["step"] == whole["step"] == STEPS
    assert result["weights_sha256"] == whole["weights_sha256"]


def test_killed_and_started_again(planted, tmp_path):
    seed = random.randrange(1000)
    print("seed", seed)
    _survives(planted, tmp_path, 2, random.Random(seed))


@pytest.mark.slow
def test_killed_at_fifty_moments(planted, tmp_path):
    for i in range(10):
        folder = tmp_path / str(i)
        folder.mkdir()
        _survives(planted, folder, 5, random.Random(i))


def test_asked_to_stop_it_saves_and_goes_on_later(planted, tmp_path):
    whole = commands.succeed("train", *_flags(planted, tmp_path / "whole"))
    flags = _flags(planted, tmp_path / "stopped")
    process = subprocess.Popen([sys.executable, "-m", "yt8m_attention.train", *flags], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    for line in process.stderr:
        if line.startswith("multi_attention:"):
            break
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert '"preempted": true' in out.splitlines()[-1]
    result = commands.succeed("train", *flags)
    assert result["weights_sha256"] == whole["weights_sha256"] and not result["preempted"]
