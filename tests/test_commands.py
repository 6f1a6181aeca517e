"""The commands from a user's side: a whole small run, and one clear line for every wrong use."""

import csv
import json
import os

import numpy as np
import pytest

from tests import commands
from yt8m_attention.runs.summaries import read_scalars

FEATURES = ("--feature_names=rgb,audio", "--feature_sizes=24,8", "--num_classes=6")
SMALL = (*FEATURES, "--num_heads=2", "--hidden_size=16", "--attention_sizes=8,4", "--num_frames=12", "--trim_frames=5",
         "--video_level_classifier_model=logistic", "--nohidden_layer", "--nocontext_gating", "--batch_size=16",
         "--base_learning_rate=0.01", "--save_checkpoint_steps=20", "--quiet")  # fmt: skip


@pytest.fixture(scope="module")
def trained(planted, tmp_path_factory):
    """Both phases' directories and JSON results."""
    folder = tmp_path_factory.mktemp("runs")
    ids = f"--segment_label_ids_file={planted}/segment_label_ids.csv"
    train, validate = (f"--train_data_pattern={planted}/{split}/*.tfrecord" for split in ("train", "validate"))
    names = folder / "names.csv"
    names.write_text('Index,Name\n0,"Cat, sitting"\n1,Dog\n')
    first = commands.succeed("train", train, f"--train_dir={folder}/1", ids, "--max_steps=60", *SMALL)
    start = ("--segment_labels", f"--init_checkpoint={folder}/1", "--max_steps=40")
    named = f"--vocabulary={names}"
    second = commands.succeed("train", validate, f"--train_dir={folder}/2", ids, named, *start, *SMALL)
    names.unlink()
    return folder, first, second


def _evaluate(planted, train_dir, *flags):
    return commands.succeed("eval", f"--eval_data_pattern={planted}/test/*.tfrecord", f"--train_dir={train_dir}",
                            "--segment_labels", *flags)  # fmt: skip


def test_train_says_what_it_made(trained):
    folder, first, second = trained
    assert (first["step"], second["step"]) == (60, 100)
    assert first["resumed_from"] is None and not first["preempted"]
    assert os.path.dirname(first["checkpoint"]) == f"{folder}/1/checkpoints"
    assert len(first["weights_sha256"]) == 64 and first["parameters"] == second["parameters"] > 0
    assert first["examples_per_second"] > 0 and np.isfinite(first["loss"])
    events = [name for name in os.listdir(f"{folder}/2") if name.startswith("events.out.tfevents")]
    assert events


def test_phase_2_learns_when(planted, trained):
    first, second = (_evaluate(planted, f"{trained[0]}/{phase}") for phase in "12")
    assert second["segment_map"] > first["segment_map"]
    assert second["segment_map"] > second["copied_video_score_map"]
    assert second["segment_map"] > second["chance"] + 0.1
    for result in (first, second):
        assert {"gap", "hit_at_one", "perr", "map", "loss", "step", "classes", "rated_pairs"} <= result.keys()
        assert result["classes"] == 4 and not result["seen_in_training"]


def test_the_csv_scores_what_evaluation_says(planted, trained, tmp_path):
    folder = trained[0]
    ranked = tmp_path / "segments.csv"
    inference = commands.succeed("inference", f"--input_data_pattern={planted}/test/*.tfrecord",
                                 f"--train_dir={folder}/2", "--segment_labels", f"--output_file={ranked}",
                                 f"--scores_file={tmp_path}/scores.npz")  # fmt: skip
    score = commands.succeed("segment_eval_inference", f"--eval_data_pattern={planted}/test/*.tfrecord",
                             f"--submission_file={ranked}", f"--label_cache={tmp_path}/labels.npz",
                             f"--per_class_file={tmp_path}/classes.csv",
                             f"--vocabulary={folder}/2/vocabulary.csv")  # fmt: skip
    assert np.isclose(score["map"], _evaluate(planted, f"{folder}/2")["segment_map"], atol=1e-9)
    assert inference["rows"] == inference["segments"] * 4 and inference["classes"] == 4
    again = commands.succeed("segment_eval_inference", f"--eval_data_pattern={planted}/test/*.tfrecord",
                             f"--submission_file={ranked}", f"--label_cache={tmp_path}/labels.npz")  # fmt: skip
    assert again == score
    with open(tmp_path / "classes.csv") as file:
        rows = list(csv.DictReader(file))
    _evaluate(planted, f"{folder}/2", f"--per_class_file={tmp_path}/of_eval.csv")
    assert (tmp_path / "of_eval.csv").read_text() == (tmp_path / "classes.csv").read_text()
    assert np.isclose(np.mean([float(row["average_precision"]) for row in rows]), score["map"])
    _check_scores_file(ranked, tmp_path / "scores.npz")


def test_the_csv_scores_what_evaluation_says_of_segments_rescored(planted, trained, tmp_path):
    folder, weight = trained[0], "--video_score_weight=0.3"
    ranked = f"{tmp_path}/segments.csv"
    commands.succeed("inference", f"--input_data_pattern={planted}/test/*.tfrecord", f"--train_dir={folder}/2",
                     "--segment_labels", f"--output_file={ranked}", weight)  # fmt: skip
    score = commands.succeed("segment_eval_inference", f"--eval_data_pattern={planted}/test/*.tfrecord",
                             f"--submission_file={ranked}")  # fmt: skip
    rescored = _evaluate(planted, f"{folder}/2", weight)["segment_map"]
    assert np.isclose(score["map"], rescored, atol=1e-9)
    plain = _evaluate(planted, f"{folder}/2")["segment_map"]
    assert rescored != plain
    curves = {name: read_scalars(f"{folder}/2/{name}") for name in ("eval", "eval_video_score_weight_0.3")}
    assert [points["eval/segment_map"][-1][1] for points in curves.values()] == pytest.approx([plain, rescored])


def _check_scores_file(ranked, scores_file):
    """The CSV's order is the scores' order."""
    with np.load(scores_file) as saved:
        names = [f"{video.decode()}:{start}" for video, start in zip(saved["ids"], saved["starts"], strict=True)]
        score = {c: dict(zip(names, saved["scores"][:, i], strict=True)) for i, c in enumerate(saved["classes"])}
    with open(ranked) as file:
        assert next(file) == "Class,Segments\n"
        for line in file:
            c, cell = line.rstrip("\n").split(",")
            values = [score[int(c)][name] for name in cell.split(" ")]
            assert values == sorted(values, reverse=True) and len(values) == len(names)


def test_video_level_csv(planted, trained, tmp_path):
    path = tmp_path / "videos.csv"
    result = commands.succeed("inference", f"--input_data_pattern={planted}/test/*.tfrecord", "--top_k=3",
                              f"--train_dir={trained[0]}/1", f"--output_file={path}")  # fmt: skip
    lines = path.read_text().splitlines()
    assert lines[0] == "VideoId,LabelConfidencePairs" and len(lines) == 1 + result["videos"] == 31
    confidences = [float(x) for x in lines[1].split(",")[1].split()[1::2]]
    assert len(confidences) == 3 and confidences == sorted(confidences, reverse=True)


def test_held_out_share_is_judged_alone(planted, trained):
    folder = trained[0]
    pattern = f"--eval_data_pattern={planted}/validate/*.tfrecord"
    share = commands.succeed("eval", pattern, f"--train_dir={folder}/2", "--segment_labels", "--only_holdout")
    everything = commands.run("eval", pattern, f"--train_dir={folder}/2", "--segment_labels")
    assert share["videos"] < everything.json["videos"] == 40
    assert not share["seen_in_training"] and everything.json["seen_in_training"]
    assert "trained on" in everything.stderr


def test_following_scores_every_checkpoint(planted, trained):
    result = commands.run("eval", f"--eval_data_pattern={planted}/test/*.tfrecord", f"--train_dir={trained[0]}/1",
                          "--norun_once")  # fmt: skip
    assert result.status == 0, result.stderr
    assert [word for word in ("step 20:", "step 40:", "step 60:") if word in result.stderr] == [
        "step 20:", "step 40:", "step 60:",
    ]  # fmt: skip
    assert result.json["step"] == 60


def test_names_given_to_training_are_known_to_what_follows(planted, trained, tmp_path):
    by_class = tmp_path / "classes.csv"
    _evaluate(planted, trained[0] / "2", f"--per_class_file={by_class}", *FEATURES)
    with open(by_class, newline="") as file:
        assert {"Cat, sitting", "Dog"} <= {row["name"] for row in csv.DictReader(file)}


def test_quiet_is_quiet_and_help_helps():
    result = commands.run("train", "--help")
    assert result.status == 0 and "--base_learning_rate" in result.stdout and result.stderr == ""


def _wrong(planted, trained, tmp_path):
    """{what is wrong: (command, flags, words of the message)}"""
    train = (
        "train",
        f"--train_data_pattern={planted}/train/*.tfrecord",
        f"--train_dir={tmp_path}/new",
        "--max_steps=1",
    )
    text = tmp_path / "text.tfrecord"
    text.write_text("This is no TFRecord file, though it is long enough for the header of one.")
    ids = tmp_path / "ids.csv"
    ids.write_text("Index\n2\n77\n")
    read_only = "/proc/nothing"
    comment = tmp_path / "comment.flags"
    comment.write_text("--max_steps=3 # three\n")
    bare = tmp_path / "bare.flags"
    bare.write_text("max_steps=3\n")
    dataset = f"--eval_data_pattern={planted}/test/*.tfrecord"
    model = f"--train_dir={trained[0]}/2"
    return {
        "unknown flag": (*train, "--learning_rates=1", "learning_rates"),
        "leftover argument": (*train, "10", "'10'"),
        "comment behind a value": (*train, f"--flagfile={comment}", "comment.flags, line 1"),
        "flagfile line without dashes": (*train, f"--flagfile={bare}", "bare.flags, line 1"),
        "no such flagfile": (*train, f"--flagfile={tmp_path}/none.flags", "none.flags"),
        "value of the wrong kind": (*train, "--batch_size=many", "batch_size"),
        "value out of range": (*train, "--num_heads=0", "--num_heads"),
        "no number": ("eval", dataset, model, "--only_holdout", "--holdout_fraction=nan",
                      "--holdout_fraction: found nan, wanted 0 to 1"),
        "no such model": (*train, *FEATURES, "--model=perceptron", "multi_attention"),
        "glob that matches nothing": ("train", "--train_data_pattern=/nowhere/*.x", *train[2:], "/nowhere/*.x"),
        "not a TFRecord file": ("train", f"--train_data_pattern={text}", *train[2:], *FEATURES, "text.tfrecord"),
        "wrong feature size": (*train, "--feature_sizes=24,9", "--num_classes=6", "--feature_sizes"),
        "wrong feature name": (*train, "--feature_names=rgb,sound", "--feature_sizes=24,8", "--feature_names"),
        "class id out of range": (*train, "--feature_sizes=24,8", "--num_classes=2", "--num_classes"),
        "segment class out of range": (*train, *FEATURES, f"--segment_label_ids_file={ids}", "77"),
        "missing list of classes": (*train, *FEATURES, "--segment_label_ids_file=/nowhere.csv", "/nowhere.csv"),
        "missing checkpoint": (*train, *FEATURES, f"--init_checkpoint={tmp_path}/none", "--init_checkpoint"),
        "unwritable directory": (*train[:2], *FEATURES, f"--train_dir={read_only}", "--max_steps=1", "/proc/nothing"),
        "directory in a bucket": (*train[:2], *FEATURES, "--train_dir=gs://bucket/run", "--max_steps=1",
                                  "--train_dir=gs://bucket/run"),
        "another segment size": ("train", f"--train_data_pattern={planted}/validate/*.tfrecord", *train[2:], *FEATURES,
                                 "--segment_labels", "--segment_size=4", "--segment_size"),
        "eval without a model": ("eval", dataset, f"--train_dir={tmp_path}/none", "none"),
        "eval without data": ("eval", model, "--eval_data_pattern"),
        "eval of another checkpoint": ("eval", dataset, model, "--checkpoint=/nowhere.npz", "/nowhere.npz"),
        "eval of other features": ("eval", dataset, model, "--feature_sizes=24,9", "--feature_sizes"),
        "eval of other classes": ("eval", dataset, model, "--num_classes=7", "--num_classes"),
        "segments of unrated files": ("eval", f"--eval_data_pattern={planted}/train/*.tfrecord", model,
                                      "--segment_labels", "rated"),
        "inference to nowhere": ("inference", f"--input_data_pattern={planted}/test/*.tfrecord", model,
                                 "--segment_labels", "--output_file=/nowhere/segments.csv", "/nowhere/segments.csv"),
        "no segment in the window": ("inference", f"--input_data_pattern={planted}/test/*.tfrecord", model,
                                     "--segment_labels", f"--output_file={tmp_path}/s.csv", "--segment_window=60,60",
                                     "--segment_window"),
        "a whole video rescored": ("eval", f"--eval_data_pattern={planted}/test/*.tfrecord", model,
                                   "--video_score_weight=0.1", "--video_score_weight=0.1: rescores segments"),
        "whole videos rescored": ("inference", f"--input_data_pattern={planted}/test/*.tfrecord", model,
                                  f"--output_file={tmp_path}/s.csv", "--video_score_weight=0.1",
                                  "--video_score_weight=0.1: rescores segments"),
        "files rescored": ("ensemble", f"--inputs={planted}/segment_label_ids.csv", f"--output_file={tmp_path}/s.csv",
                           "--video_score_weight=0.1", "--video_score_weight=0.1: rescores what models give"),
        "no such submission": ("segment_eval_inference", dataset, "--submission_file=/nowhere.csv", "/nowhere.csv"),
    }  # fmt: skip


def test_wrong_use_is_one_line_and_status_2(planted, trained, tmp_path):
    failures = {}
    for name, (command, *flags, words) in _wrong(planted, trained, tmp_path).items():
        result = commands.run(command, "--quiet", *flags)
        lines = result.stderr.splitlines()
        if result.status != 2 or len(lines) != 1 or words not in result.stderr or result.stdout:
            failures[name] = result
    assert not failures
    assert not (tmp_path / "new").exists() or not os.listdir(tmp_path / "new")
    assert not list(tmp_path.glob("**/*.partial")) and not (tmp_path / "s.csv").exists()


def test_the_result_is_json_that_every_parser_reads(trained):
    text = json.dumps(trained[1])
    assert "NaN" not in text and "Infinity" not in text
