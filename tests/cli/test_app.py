"""How every command ends where its streams or its flagfiles are no good."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A command that says something for people, prints a result of its own, and returns one.
COMMAND = """
import logging
from yt8m_attention.cli import app

logger = logging.getLogger("yt8m_attention.command")

def main():
    logger.info("words for people")
    print("a table")
    return {"step": 3}

app.run(main, "Does something.")
"""


def _command(*flags, stdout=subprocess.PIPE, stderr=subprocess.PIPE):
    return subprocess.run([sys.executable, "-c", COMMAND, *flags], cwd=ROOT, stdout=stdout, stderr=stderr, text=True)


@pytest.fixture
def full():
    """A file that takes nothing, as on a full disk."""
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    with open("/dev/full", "w") as file:
        yield file


@pytest.mark.parametrize("flags", [(), ("--help",)])
def test_a_result_that_cannot_be_written_is_a_failure_in_one_line(full, flags):
    done = _command(*flags, stdout=full)
    assert done.returncode == 2, done.stderr
    assert "standard output: cannot be written: No space left on device" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


def test_messages_go_to_standard_error_and_none_if_quiet():
    assert _command().stderr == "words for people\n"
    assert _command("--quiet").stderr == ""


def test_words_for_people_may_be_lost_but_not_the_result(full):
    done = _command(stderr=full)
    assert done.returncode == 0
    table, result = done.stdout.splitlines()
    assert table == "a table" and json.loads(result) == {"step": 3}


@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_a_flagfile_within_itself_is_said(tmp_path, names):
    """By itself, or over others."""
    for name, following in zip(names, [*names[1:], names[0]], strict=True):
        (tmp_path / name).write_text(f"--quiet\n--flagfile={tmp_path}/{following}\n")
    done = _command(f"--flagfile={tmp_path}/a")
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and f"--flagfile={tmp_path}/a: names itself" in done.stderr


def test_a_flagfile_may_be_named_twice(tmp_path):
    (tmp_path / "a").write_text(f"--flagfile={tmp_path}/b\n--flagfile={tmp_path}/b\n")
    (tmp_path / "b").write_text("--quiet\n")
    done = _command(f"--flagfile={tmp_path}/a")
    assert done.returncode == 0 and done.stderr == ""


TERMINAL = """
from yt8m_attention import progress
from yt8m_attention.cli import app
from yt8m_attention.errors import UserError

def main():
    progress.console.line_open = True  # as after an unfinished line of progress on a terminal
    raise UserError("no good")

app.run(main, "Does something.")
"""


@pytest.mark.parametrize("flags", [(), ("--quiet",)])
def test_an_error_takes_the_place_of_an_open_line_of_progress(flags):
    done = subprocess.run([sys.executable, "-c", TERMINAL, *flags], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "\n\x1b[K-c: no good\n")  # of the "\r" text=True makes a "\n"
