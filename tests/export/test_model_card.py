"""The model card has the scores of the exported checkpoint, and the names of the classes."""

import dataclasses
import types

import pytest

from tests.training import runs
from yt8m_attention.export import model_card
from yt8m_attention.runs import held_out_scores
from yt8m_attention.runs.summaries import Summaries

RESULT = {"parameters": 12345, "bytes": 67890, "max_difference": 0.00012}
STEP = 7


def card(train_dir, run, class_name=str):
    trained = types.SimpleNamespace(run=run, meta={"step": STEP})
    return model_card.text(trained, str(train_dir), "none", RESULT, class_name)


def section(text, title):
    return text.partition(f"## {title}\n\n")[2].partition("\n\n## ")[0]


def evaluated(train_dir, step, **scores):
    summaries = Summaries(str(train_dir / "eval"))
    summaries.scalars(step, {f"eval/{name}": value for name, value in scores.items()})
    summaries.close()


@pytest.fixture
def run(planted, tmp_path):
    return runs.small(planted, tmp_path)


def test_eval_scores_of_this_step_are_a_table(run, tmp_path):
    evaluated(tmp_path, STEP, segment_map=0.75, copied_video_score_map=0.5, chance=0.25, loss=3.0)
    evaluated(tmp_path, STEP + 1, segment_map=0.99, gap=0.98)
    held_out_scores.write(str(tmp_path), "segment_map", {STEP: 0.125})
    head, table = section(card(tmp_path, run), "Scores").split("\n\n")
    assert head == "Results of `eval` on its input files:"
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    assert [(name.split(" (")[0], value) for name, value in rows] == [
        ("MAP over rated segments", "0.7500"),
        ("... if each segment gets the score of its video", "0.5000"),
        ("... of chance", "0.2500"),
    ]


def test_without_eval_the_card_has_the_held_out_score(run, tmp_path):
    evaluated(tmp_path, STEP + 1, segment_map=0.99)
    held_out_scores.write(str(tmp_path), "gap", {STEP: 0.125, STEP + 1: 0.5})
    assert section(card(tmp_path, run), "Scores") == "On the held-out videos: gap 0.1250."


def test_scores_of_other_steps_are_ignored(run, tmp_path):
    evaluated(tmp_path, STEP + 1, segment_map=0.99)
    held_out_scores.write(str(tmp_path), "gap", {STEP + 1: 0.5})
    assert section(card(tmp_path, run), "Scores") == "Not evaluated."


def test_some_classes_are_named(run, tmp_path):
    classes = run.data.segment_classes
    named = "; ".join(f"name {c}" for c in classes)
    data_section = section(card(tmp_path, run, "name {}".format), "Data")
    assert f"Classes rated in segments: {len(classes)} ({named})." in data_section


@pytest.mark.parametrize("count, shown", [(10, "9)"), (11, "9; ...)")])
def test_only_the_first_of_many_classes_are_named(run, tmp_path, count, shown):
    data = dataclasses.replace(run.data, num_classes=count, segment_classes=tuple(range(count)))
    data_section = section(card(tmp_path, dataclasses.replace(run, data=data)), "Data")
    assert f"segments: {count} (0; 1; 2; 3; 4; 5; 6; 7; 8; {shown}." in data_section
