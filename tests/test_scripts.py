"""What run_train.sh and run_eval.sh ask of the commands, in which order, and what they make of the answers.

The commands themselves are replaced by a recorder, put in the place of an active environment's Python.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from yt8m_attention.cli import flag_reference

ROOT = Path(__file__).resolve().parent.parent

RECORDER = f"""#!{sys.executable}
import json, os, signal, sys, time

arguments = sys.argv[1:]
if arguments[0] == "-":
    os.execv({sys.executable!r}, [{sys.executable!r}, *arguments])
if arguments[0] == "-m":
    command = arguments[1].removeprefix("yt8m_attention.")
    if command == "cli.flag_reference":  # which flags a command has is no part of what it does
        os.chdir({str(ROOT)!r})
        os.execv({sys.executable!r}, [{sys.executable!r}, *arguments])
    with open(os.environ["RECORD"], "a") as file:
        file.write(json.dumps([command, arguments[2:]]) + "\\n")
    if command == os.environ.get("FAILING"):
        sys.exit(7)
    if command == os.environ.get("STOPPED"):
        def stop(*_):
            print(json.dumps({{"preempted": True}}), flush=True)
            sys.exit(0)
        signal.signal(signal.SIGTERM, stop)
        open(os.environ["RECORD"] + ".ready", "w").close()
        time.sleep(60)
    if command == "train":  # writes the line of run.json that the script reads
        folder, share = (
            ([a.partition("=")[2] for a in arguments if a.startswith(f"--{{name}}=")] or [other])[-1]
            for name, other in (("train_dir", None), ("holdout_fraction", "0.1"))
        )
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "run.json"), "w") as file:
            json.dump({{"config": {{"phase": {{"a": 1, "holdout_fraction": float(share), "z": 2}}}}}}, file, indent=1)
    print("words before the result")
    print(json.dumps({{"command": command, "segment_map": 0.5, "chance": None}}))
"""


class Caller:
    """Calls a script in a directory of its own, and tells which commands it called."""

    def __init__(self, tmp_path):
        self.environment = tmp_path / "environment"
        self.record = tmp_path / "record"
        self.work = tmp_path / "elsewhere"
        self.work.mkdir()
        python = self.environment / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(RECORDER)
        python.chmod(0o755)

    def start(self, script, *arguments, **settings):
        self.record.write_text("")
        keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        own = {"VIRTUAL_ENV": str(self.environment), "RECORD": str(self.record)}
        return subprocess.Popen(
            ["bash", str(ROOT / script), *arguments],
            cwd=self.work, env={**keep, **own, **settings}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def calls(self):
        """[(command, its arguments)] of the last start."""
        return [tuple(json.loads(line)) for line in self.record.read_text().splitlines()]

    def __call__(self, script, *arguments, **settings):
        process = self.start(script, *arguments, **settings)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err), self.calls()


@pytest.fixture
def call(tmp_path):
    return Caller(tmp_path)


def last_line(done):
    return json.loads(done.stdout.splitlines()[-1])


def flagfiles(arguments):
    return [Path(a.partition("=")[2]).stem for a in arguments if a.startswith("--flagfile=")]


def test_train_without_settings_makes_its_data(call):
    done, calls = call("run_train.sh")
    assert done.returncode == 0, done.stderr
    assert [command for command, _ in calls] == ["synthesize", "train", "train", "eval", "eval"]
    run_dir = "runs/demo/multi_attention_1"
    first, second = calls[1][1], calls[2][1]
    assert flagfiles(first) == ["phase1", "multi_attention_1", "demo", "demo_phase1"]
    assert flagfiles(second) == ["phase2", "multi_attention_1", "demo", "demo_phase2"]
    assert f"--train_data_pattern={run_dir}/data/train/*.tfrecord" in first
    assert f"--train_data_pattern={run_dir}/data/validate/*.tfrecord" in second
    assert f"--init_checkpoint={run_dir}/phase1" in second
    assert "--segment_labels" in second
    for phase, arguments in (("phase1", calls[3][1]), ("phase2", calls[4][1])):
        assert f"--train_dir={run_dir}/{phase}" in arguments
        assert f"--eval_data_pattern={run_dir}/data/test/*.tfrecord" in arguments
        assert "--only_holdout" not in arguments
    assert last_line(done) == {
        "phase1": {"command": "eval", "segment_map": 0.5, "chance": None},
        "phase2": {"command": "eval", "segment_map": 0.5, "chance": None},
        "run_dir": run_dir,
    }
    assert f"--logdir {run_dir}" in done.stderr


def test_the_command_line_wins_and_is_trainings_alone(call):
    _, calls = call("run_train.sh", "--max_steps=3", "--nodeterministic", MODEL="attention_2", RUN_DIR="here")
    for command, arguments in calls:
        if command == "train":
            assert arguments[-2:] == ["--max_steps=3", "--nodeterministic"]
            assert flagfiles(arguments)[1] == "attention_2"
        else:
            assert "--max_steps=3" not in arguments
        assert any(a.startswith(("--train_dir=here/", "--output_dir=here/")) for a in arguments)


def test_named_data_is_youtube8m_judged_on_what_phase_2_left_out(call):
    settings = {"TRAIN_DATA": "a b/*.tfrecord", "SEGMENT_DATA": "gs://bucket/validate*.tfrecord"}
    done, calls = call("run_train.sh", **settings)
    assert done.returncode == 0, done.stderr
    assert [command for command, _ in calls] == ["train", "train", "eval", "eval"]
    assert flagfiles(calls[0][1]) == ["phase1", "multi_attention_1", "youtube8m"]
    assert "--train_data_pattern=a b/*.tfrecord" in calls[0][1]
    judged = {"--eval_data_pattern=gs://bucket/validate*.tfrecord", "--only_holdout"}
    assert all(judged | {"--holdout_fraction=0.1"} <= set(arguments) for _, arguments in calls[2:])
    _, calls = call("run_train.sh", "--holdout_fraction=0.3", **settings)
    assert all(judged | {"--holdout_fraction=0.3"} <= set(arguments) for _, arguments in calls[2:])


def test_what_lies_beside_the_data_is_taken(call):
    (call.work / "data/validate").mkdir(parents=True)
    beside = ("segment_label_ids.csv", "vocabulary.csv")
    for name in beside:
        (call.work / "data" / name).touch()
    _, calls = call("run_train.sh", TRAIN_DATA="data/train/*", SEGMENT_DATA="data/validate/*")
    taken = {
        f"--{flag}=data/{name}" for flag, name in zip(("segment_label_ids_file", "vocabulary"), beside, strict=True)
    }
    assert [taken <= set(arguments) for _, arguments in calls] == [True, True, False, False]  # train, train, eval, eval


def test_names_of_classes_may_lie_in_either_file(call):
    (call.work / "data/validate").mkdir(parents=True)
    (call.work / "data/class_names.csv").touch()
    _, calls = call("run_train.sh", TRAIN_DATA="data/train/*", SEGMENT_DATA="data/validate/*")
    assert "--vocabulary=data/class_names.csv" in calls[0][1]


@pytest.mark.parametrize("script", ["run_train.sh", "run_eval.sh"])
@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_help_is_given_and_nothing_done(call, script, asked):
    done, calls = call(script, "--batch_size=4", asked)
    assert (done.returncode, calls, done.stderr, os.listdir(call.work)) == (0, [], "", [])
    first, *_, last = done.stdout.splitlines()
    assert first.startswith(("Trains", "Evaluates")) and "JSON" in done.stdout and not last.startswith(("#", "set"))


def test_a_run_without_its_description_cannot_be_judged_by_what_it_left_out(call):
    (call.work / "here/phase2").mkdir(parents=True)
    for text in (None, "{}"):
        if text:
            (call.work / "here/phase2/run.json").write_text(text)
        done, calls = call("run_eval.sh", RUN_DIR="here", SEGMENT_DATA="x")
        assert (done.returncode, calls, len(done.stderr.splitlines())) == (2, [], 1)
        assert "here/phase2/run.json: holds no --holdout_fraction" in done.stderr


@pytest.mark.parametrize("active", [True, False])
def test_its_own_environment_gets_what_is_missing_active_or_not(tmp_path, active):
    python, cli = tmp_path / ".venv/bin/python", tmp_path / "yt8m_attention/cli"
    for folder in (python.parent, cli):
        folder.mkdir(parents=True)
    (tmp_path / "setup.py").touch()
    (cli / "environment.sh").write_text((ROOT / "yt8m_attention/cli/environment.sh").read_text())
    python.write_text('#!/bin/sh\necho "$@" >>"$RECORD"\n')
    python.chmod(0o755)
    environment = {"PATH": "/usr/bin:/bin", "RECORD": str(tmp_path / "record")}
    if active:
        environment["VIRTUAL_ENV"] = str(tmp_path / ".venv")
    script = f"source {cli}/environment.sh && set_up_python test && echo $PYTHON"
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == str(python), done.stderr
    assert f"--editable {tmp_path}[" in (tmp_path / "record").read_text()


def test_flags_are_no_names_of_files(call):
    """A script that looks for a data's flagfile among its flags has nothing to say of the others."""
    done, _ = call("run_train.sh", "--batch_size=64", "--seed=1")
    assert "option" not in done.stderr


@pytest.mark.parametrize("failing, status", [("synthesize", 7), ("train", 7), ("eval", 7)])
def test_a_failing_command_ends_training(call, failing, status):
    done, calls = call("run_train.sh", FAILING=failing)
    assert done.returncode == status
    assert calls[-1][0] == failing
    assert done.stdout == ""


def test_a_stopped_training_stops_the_script(call):
    process = call.start("run_train.sh", STOPPED="train")
    ready = Path(f"{call.record}.ready")
    while not ready.exists() and process.poll() is None:
        time.sleep(0.05)
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (143, "")
    assert "resumes there" in err
    assert [command for command, _ in call.calls()] == ["synthesize", "train"]


@pytest.mark.parametrize(
    "script, settings, told",
    [
        ("run_train.sh", {"MODEL": "no_such"}, "MODEL=no_such"),
        ("run_train.sh", {"DATA": "no_such"}, "DATA=no_such"),
        ("run_train.sh", {"TRAIN_DATA": "x"}, "SEGMENT_DATA"),
        ("run_train.sh", {"SEGMENT_DATA": "x"}, "TRAIN_DATA"),
        ("run_train.sh", {"DATA": "demo", "TRAIN_DATA": "x"}, "DATA=demo"),
        ("run_train.sh", {"RUN_DIR": "gs://bucket/run"}, "RUN_DIR=gs://bucket/run"),
        ("run_eval.sh", {}, "run_train.sh first"),
    ],
)
def test_wrong_settings_are_said_in_one_line(call, script, settings, told):
    done, calls = call(script, **settings)
    assert (done.returncode, calls, done.stdout) == (2, [], "")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("run_dir", ["a file/run", "/proc/run", "written"])
def test_a_run_dir_that_takes_nothing_is_said_in_one_line(call, run_dir):
    """Also one in whose place for the result is something else."""
    (call.work / "a file").touch()
    (call.work / "written/phase1.json").mkdir(parents=True)
    done, calls = call("run_train.sh", TRAIN_DATA="x", SEGMENT_DATA="y", RUN_DIR=run_dir)
    assert (done.returncode, calls, done.stdout) == (2, [], "")
    assert [line for line in done.stderr.splitlines() if "TensorBoard" not in line] == [
        f"run_train.sh: RUN_DIR={run_dir}: cannot be made or written to; "
        "free space, or name a directory you may write to"
    ]


def test_eval_ranks_and_scores_the_ranking(call):
    (call.work / "runs/demo/multi_attention_1/phase2").mkdir(parents=True)
    done, calls = call("run_eval.sh", "--segment_window=0,0")
    assert done.returncode == 0, done.stderr
    assert [command for command, _ in calls] == ["eval", "inference", "segment_eval_inference", "report"]
    assert {name: result["command"] for name, result in last_line(done).items()} == {
        "eval": "eval",
        "inference": "inference",
        "submission": "segment_eval_inference",
    }
    run_dir = "runs/demo/multi_attention_1"
    assert f"--input_data_pattern={run_dir}/data/test/*.tfrecord" in calls[1][1]
    assert f"--output_file={run_dir}/segments.csv" in calls[1][1]
    assert f"--submission_file={run_dir}/segments.csv" in calls[2][1]
    for _, arguments in calls:
        assert arguments[-1] == "--segment_window=0,0"
        ignored = next(a for a in arguments if a.startswith("--undefok="))
        assert "segment_window" in ignored.partition("=")[2].split(",")


def test_evaluation_takes_each_flag_that_one_of_its_commands_has(call):
    """Each command ignores the flags of the other three, and no others."""
    (call.work / "here/phase2").mkdir(parents=True)
    _, calls = call("run_eval.sh", RUN_DIR="here")
    (ignored,) = {a for _, arguments in calls for a in arguments if a.startswith("--undefok=")}
    assert set(ignored.partition("=")[2].split(",")) == set(flag_reference.names([command for command, _ in calls]))


@pytest.mark.parametrize("flag", ["--worker=1/2", "--ranking_file=x", "--merge_rankings=x"])
def test_evaluation_refuses_the_flags_of_workers(call, flag):
    """It needs a whole ranking."""
    (call.work / "here/phase2").mkdir(parents=True)
    done, calls = call("run_eval.sh", flag, RUN_DIR="here")
    assert (done.returncode, calls) == (2, [])
    assert "give them to yt8m-inference instead" in done.stderr


def test_a_failing_command_ends_evaluation(call):
    (call.work / "here/phase2").mkdir(parents=True)
    done, calls = call("run_eval.sh", RUN_DIR="here", FAILING="inference")
    assert done.returncode == 7
    assert [command for command, _ in calls] == ["eval", "inference"]
