"""Messages for people: one line per log record; the progress of long commands; what a library prints."""

import fcntl
import io
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import types

import pytest

from tests import commands
from tests.conftest import ROOT
from tests.training import runs
from yt8m_attention import progress


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def monotonic(self):
        return self.now


class Screen(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.isatty = lambda: terminal


logger = logging.getLogger("yt8m_attention.test")


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def log(monkeypatch):
    screen = Screen(terminal=False)
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stderr=screen))
    return screen


def work(clock, shown, seconds, count=10, progress=None):
    clock.now += seconds
    shown.add(count, progress=progress)


def test_a_log_gets_few_lines_with_count_rate_and_time_left(clock, log):
    shown = progress.Progress("videos", 100)
    for _ in range(10):
        work(clock, shown, seconds=4)
    shown.close()
    assert log.getvalue().splitlines() == [
        "30/100 videos, 2.5/s, 28 s left",
        "60/100 videos, 2.5/s, 16 s left",
        "90/100 videos, 2.5/s, 4 s left",
        "100/100 videos, 2.5/s, 0 s left",
    ]


def test_a_terminals_line_is_rewritten(clock, monkeypatch):
    screen = Screen(terminal=True)
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stderr=screen))
    shown = progress.Progress("videos")
    for _ in range(3):
        work(clock, shown, seconds=1)
    shown.close("done")
    text = screen.getvalue()
    assert text.count("\n") == 1 and text.endswith("30 videos, 10.0/s, done\n")
    assert text.count("\r\x1b[K") == 4


def on_screen(text):
    """The lines that a terminal shows at the end."""
    return [line.split("\r\x1b[K")[-1] for line in text.split("\n")]


def test_a_message_replaces_the_open_line_of_progress(clock, monkeypatch):
    screen = Screen(terminal=True)
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stderr=screen))
    logger.info("before")
    shown = progress.Progress("videos")
    work(clock, shown, seconds=1)
    logger.info("a note")
    logger.info("another")
    work(clock, shown, seconds=1)
    shown.close()
    logger.info("after")
    lines = ["before", "a note", "another", "20 videos, 10.0/s", "after", ""]
    assert on_screen(screen.getvalue()) == lines
    assert screen.getvalue().count("\r\x1b[K") == 4  # three lines of progress, and a message that replaces one


def test_messages_in_a_log_erase_nothing(clock, log):
    shown = progress.Progress("videos")
    work(clock, shown, seconds=20)
    logger.info("a note")
    assert log.getvalue() == "10 videos, 0.5/s\na note\n"


LONG_LINES = """
from yt8m_attention import progress
progress.log_to_console()
progress._TERMINAL_SECONDS = 0
shown = progress.Progress("examples", 60_100)
for _ in range(3):
    shown.add(1, "loss 12.345, gradient norm 0.123, waiting for input 12%")
shown.close()
"""


@pytest.mark.parametrize("columns", [20, 40])
def test_no_line_is_wider_than_the_terminal(columns):
    """A wrapped line cannot be rewritten. Standard output is a pipe here, as when a script reads it."""
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    subprocess.run([sys.executable, "-c", LONG_LINES], cwd=ROOT, stdout=subprocess.PIPE, stderr=terminal, check=True)
    os.close(terminal)
    lines = os.read(reader, 10_000).decode().split("\r\x1b[K")[1:]
    os.close(reader)
    assert len(lines) == 4
    widths = [len(line.rstrip("\r\n")) for line in lines]
    assert widths[:3] == [columns - 1] * 3 and widths[3] < columns  # the last line has no note and may be shorter
    assert all(line.startswith(f"{n}/60,100 examp") for n, line in zip((1, 2, 3, 3), lines, strict=True))


def test_a_terminal_without_a_known_width(clock, monkeypatch):
    screen = Screen(terminal=True)
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stderr=screen))
    monkeypatch.setenv("COLUMNS", "30")
    progress.Progress("videos").close("a note that is longer than this")
    assert screen.getvalue() == "\r\x1b[K" + "0 videos, 0.0/s, a note that is longer than this"[:29] + "\n"


def test_a_resumed_run_counts_its_own_rate(clock, log):
    shown = progress.Progress("examples", 1000, done=900)
    work(clock, shown, seconds=20, count=20)
    assert log.getvalue() == "920/1,000 examples, 1.0/s, 1:20 min left\n"


def test_without_a_total_the_share_gives_the_time_left(clock, log):
    shown = progress.Progress("videos")
    work(clock, shown, seconds=30, progress=0.25)
    work(clock, shown, seconds=30, progress=1.0)
    assert log.getvalue().splitlines() == ["10 videos, 0.3/s, 25%, 1:30 min left", "20 videos, 0.3/s, 100%, 0 s left"]


def test_a_resumed_run_leaves_earlier_work_out_of_its_time_left(clock, log):
    shown = progress.Progress("examples", done=500)
    work(clock, shown, seconds=2, progress=0.6)
    work(clock, shown, seconds=10, progress=0.7)
    work(clock, shown, seconds=30, progress=1.0)
    assert log.getvalue().splitlines() == [
        "520 examples, 1.7/s, 70%, 30 s left",
        "530 examples, 0.7/s, 100%, 0 s left",
    ]


@pytest.mark.parametrize("limit, left", [(None, "1:30 min"), (20, "30 s")])
def test_a_pass_over_batches(clock, log, limit, left):
    passed = (fraction for fraction in (0.25, 0.5))
    for _ in progress.through(passed, "segments", lambda fraction: (10, fraction), limit):
        clock.now += 30
    assert log.getvalue().splitlines()[0].endswith(f"{left} left")
    assert log.getvalue().splitlines()[-1].startswith("20 segments, 0.3/s")


@pytest.mark.parametrize("brief, lines", [(True, 0), (False, 1)])
def test_short_work_may_log_nothing(clock, log, brief, lines):
    shown = progress.Progress("shards", 3, brief=brief)
    work(clock, shown, seconds=1, count=3)
    shown.close()
    assert len(log.getvalue().splitlines()) == lines


@pytest.fixture
def quiet():
    progress.log_to_console(quiet=True)
    yield
    progress.log_to_console()


def test_quiet_leaves_only_errors(clock, log, quiet):
    shown = progress.Progress("videos", 10)
    work(clock, shown, seconds=60)
    shown.close()
    logger.info("a message")
    logger.error("an error")
    assert log.getvalue() == "an error\n"


def test_a_closed_standard_error_loses_messages_only(clock, monkeypatch):
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stderr=None))
    shown = progress.Progress("videos", 10)
    work(clock, shown, seconds=60)
    shown.close()
    logger.info("a message")


LIBRARY = """
import logging, sys
from yt8m_attention import progress
{setup}
logging.getLogger("yt8m_attention.export").info("a message")
logging.getLogger("yt8m_attention.export").warning("a warning")
progress.Progress("videos", 10).close()
"""


@pytest.mark.parametrize("setup, printed", [
    ("", ["a warning"]),
    ("logging.basicConfig(level=logging.INFO, format='%(name)s: %(message)s')",
     ["yt8m_attention.export: a message", "yt8m_attention.export: a warning",
      "yt8m_attention.progress: 0/10 videos, 0.0/s"]),
    ("logging.basicConfig(level=logging.INFO, format='%(message)s');"
     "logging.getLogger('yt8m_attention.progress').setLevel(logging.WARNING)", ["a message", "a warning"]),
])  # fmt: skip
def test_a_library_prints_what_the_user_asks_logging_for(setup, printed):
    done = subprocess.run([sys.executable, "-c", LIBRARY.format(setup=setup)], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr.splitlines()) == ("", printed)


@pytest.mark.parametrize("seconds, text", [(-1, "0 s"), (59.4, "59 s"), (60, "1:00 min"), (22320, "6:12:00 h")])
def test_durations(seconds, text):
    assert progress.duration(seconds) == text


@pytest.mark.slow
def test_every_command_shows_its_progress_and_is_quiet_on_demand(planted, tmp_path):
    test, validate = f"{planted}/test/*.tfrecord", f"{planted}/validate/*.tfrecord"
    model = f"--train_dir={tmp_path}/run"
    calls = {
        "synthesize": (f"--output_dir={tmp_path}/made", "--num_train=3", "--num_validate=3", "--num_test=3"),
        "train": (*runs.flags(planted, tmp_path / "run", "--segment_labels", "--max_steps=3", split="validate",
                              model=runs.FULL),),
        "eval": (f"--eval_data_pattern={test}", model, "--segment_labels"),
        "inference": (f"--input_data_pattern={test}", model, "--segment_labels", f"--output_file={tmp_path}/s.csv"),
        "segment_eval_inference": (f"--eval_data_pattern={test}", f"--submission_file={tmp_path}/s.csv"),
        "ensemble": (f"--inputs={tmp_path}/run", f"--input_data_pattern={test}", f"--output_file={tmp_path}/e.csv",
                     f"--fit_data_pattern={validate}", "--only_holdout"),
        "pseudo_label": (f"--submission_file={tmp_path}/s.csv", f"--input_data_pattern={test}", "--positives=5",
                         f"--output_dir={tmp_path}/pseudo", "--feature_sizes=24,8", "--num_classes=6"),
        "moments": (f"--input={test}", model, f"--output_file={tmp_path}/m.txt"),
        "report": (f"--input_data_pattern={test}", model, f"--output_file={tmp_path}/r.html"),
        "export_model": (model, f"--output_dir={tmp_path}/exported"),
    }  # fmt: skip
    brief = {"segment_eval_inference", "export_model"}  # too short here, or without a count
    for name, flags in calls.items():
        done = commands.run(name, *flags)
        assert done.status == 0, done.stderr
        if name not in brief:
            assert re.search(r"^[\d,/]+ [a-z ]+, [\d,.]+/s", done.stderr, re.M), (name, done.stderr)
        assert "\r" not in done.stderr and "\x1b" not in done.stderr
        if name in ("synthesize", "pseudo_label"):  # an existing output stays unchanged
            flags = (*flags, f"--output_dir={tmp_path}/{name} again")
        quiet = commands.run(name, *flags, "--quiet", *(["--start_new_model"] if name == "train" else []))
        assert (quiet.status, quiet.stderr) == (0, ""), name
