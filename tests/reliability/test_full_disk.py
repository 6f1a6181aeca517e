"""A disk that takes no more: what was whole stays whole, and one line says what to do.

A limit on the size of files stands in for the disk: a write beyond it fails as on a full one.
"""

import functools
import os
import resource
import subprocess
import sys
from pathlib import Path

from tests import commands
from tests.training.runs import flags as train_flags
from yt8m_attention.training import checkpoints

ROOT = Path(__file__).resolve().parents[2]


def _run_with_limit(module, size, *flags):
    # -B: Python would leave its own compiled files cut off, for all tests to stumble over.
    command = [sys.executable, "-B", "-m", f"yt8m_attention.{module}", *flags]
    limit = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, preexec_fn=limit)


def test_training_keeps_its_last_checkpoint_and_goes_on_later(planted, tmp_path):
    whole = commands.succeed("train", *train_flags(planted, tmp_path / "whole", "--max_steps=6"))
    flags = train_flags(planted, tmp_path / "run")
    first = commands.succeed("train", *flags, "--max_steps=3")
    size = os.path.getsize(first["checkpoint"])
    full = _run_with_limit("train", size // 2, *flags, "--max_steps=6")
    assert full.returncode == 2, full.stderr
    last = full.stderr.splitlines()[-1]
    assert "step-00000006.npz: cannot be written" in last and "free space" in last
    assert checkpoints.paths(str(tmp_path / "run")) == [first["checkpoint"]]
    assert not list(tmp_path.glob("run/checkpoints/.*"))
    later = commands.succeed("train", *flags, "--max_steps=6")
    assert later["resumed_from"] == first["checkpoint"]
    assert later["weights_sha256"] == whole["weights_sha256"]


def test_a_ranking_is_whole_or_absent(planted, tmp_path):
    flags = train_flags(planted, tmp_path / "run")
    commands.succeed("train", *flags, "--max_steps=1")
    ranked = tmp_path / "segments.csv"
    ranked.write_text("the former file")
    full = _run_with_limit(
        "inference", 200, f"--train_dir={tmp_path}/run", f"--input_data_pattern={planted}/test/*.tfrecord",
        "--segment_labels", f"--output_file={ranked}",
    )  # fmt: skip
    assert full.returncode == 2 and "segments.csv: cannot be written" in full.stderr.splitlines()[-1]
    assert ranked.read_text() == "the former file"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "segments.csv"]
