"""The command `synthesize`: its result, its defaults, and what it says of bad flags."""

import ast
import os
import subprocess
import sys
from pathlib import Path

from tests import commands

ROOT = Path(__file__).resolve().parents[2]

SMALL = ("--feature_names=audio_embedding", "--feature_sizes=8", "--num_train=3", "--num_validate=2", "--num_test=1")


def test_command_and_again(tmp_path):
    folder = tmp_path / "set"
    results = [commands.succeed("synthesize", f"--output_dir={folder}", *SMALL, "--num_classes=2") for _ in range(2)]
    assert results[0] == results[1]
    assert results[0]["videos"] == 6 and results[0]["output_dir"] == str(folder)
    assert sorted(os.listdir(folder)) == sorted(
        ["train", "validate", "test", "video", "segment_label_ids.csv", "truth.csv", "synthesize.json"]
    )
    lines = (folder / "segment_label_ids.csv").read_text().splitlines()
    assert lines[0] == "Index" and len(lines) == 3


def test_bad_input_is_one_line_and_status_2(tmp_path):
    for arguments, said in (
        ((), "--output_dir"),
        ((f"--output_dir={tmp_path}/set", "--num_classes=3", "--num_segment_classes=4"), "--num_segment_classes"),
        ((f"--output_dir={tmp_path}/set", "--feature_sizes=1024,many"), "--feature_sizes"),
    ):
        run = commands.run("synthesize", *arguments)
        assert run.status == 2 and said in run.stderr
        assert len(run.stderr.splitlines()) == 1 and not run.stdout
    assert not os.listdir(tmp_path)


DEFAULTS = """
from yt8m_attention import synthesize
from yt8m_attention.cli import app, options, synthesis
app.define(synthesize.OPTIONS)
for given in ([], ["--sources=x*", "--seed=3"], ["--feature_names=a", "--feature_sizes=7"]):
    app.parse(["synthesize", *given])
    config = synthesis.config()
    print([config.num_classes, config.num_segment_classes, config.video_frames, config.sources, config.seed,
           config.features.total])
    for flag in options.ours():
        flag.unparse()
"""


def test_defaults_are_planted_classes_or_those_of_the_sources():
    """In a process of its own, which defines the flags of one command."""
    done = subprocess.run([sys.executable, "-c", DEFAULTS], cwd=ROOT, capture_output=True, text=True)
    planted, composed, narrow = map(ast.literal_eval, done.stdout.splitlines())
    assert planted == [40, 24, (70, 120), None, 0, 1152]
    assert composed == [3862, None, (120, 300), "x*", 3, 1152]
    assert narrow[-1] == 7
