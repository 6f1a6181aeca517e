"""The score of predicted moments, and the scores of trained networks on planted, real and collage data."""

import numpy as np
import pytest

from benchmarks import moments
from tests import commands
from tests.conftest import ROOT

TRUTH = {"a": [(1, 10.0, 20.0), (2, 0.0, 5.0)], "b": [(1, 3.0, 4.0)], "nothing": []}


def video(name, *found):
    return {"id": name, "seconds": 100.0, "moments": [{"class": c, "start": s, "end": e} for c, s, e in found]}


def test_counts_and_shares():
    found = [video("a", (1, 11, 21), (1, 12, 14), (2, 30, 35), (3, 0, 5)), video("b", (1, 50, 60)), video("nothing")]
    result = moments.measure(found, TRUTH)
    assert (result["true"], result["named"]) == (3, 5)
    assert (result["found"], result["inside"], result["recalled"]) == (1 / 5, 2 / 5, 1 / 3)
    assert (result["first_found"], result["first_inside"]) == (1 / 2, 1 / 2)
    assert result["chance_inside"] < 0.2


def test_chance_equals_the_score_of_random_times():
    """Random moments score like chance. A moment that fills its video always matches."""
    rng = np.random.default_rng(0)
    truth, anywhere = {}, []
    for number in range(200):
        start, at = rng.uniform(0, 90, 2)
        truth[str(number)] = [(0, start, start + 10)]
        anywhere.append(video(str(number), (0, at, at + 10)))
    result = moments.measure(anywhere, truth)
    assert abs(result["inside"] - result["chance_inside"]) < 0.06
    filled = moments.measure([video("a", (1, 0, 100))], {"a": [(1, 0.0, 100.0)]})
    assert filled["found"] == filled["chance_found"] == 1


def test_adjacent_positive_segments_are_one_moment(shared_data):
    truth = moments.rated_truth(str(shared_data / "audioset/test/*.tfrecord"), 2, 1.0)
    assert len(truth) > 300
    for there in truth.values():
        for c, start, end in there:
            assert (end - start) % 2 == 0 and not any(o[0] == c and o[1] == end for o in there)


def named(train_dir, pattern, folder, *flags):
    commands.succeed("moments", f"--train_dir={train_dir}", f"--input={pattern}", "--format=json", "--quiet",
                     f"--output_file={folder}/found.json", *flags)  # fmt: skip
    return folder / "found.json"


def test_planted_moments_are_found(planted, tmp_path):
    features = ("--feature_names=rgb,audio", "--feature_sizes=24,8", "--num_classes=6", "--num_heads=2", "--quiet",
                f"--segment_label_ids_file={planted}/segment_label_ids.csv", "--hidden_size=16",
                "--attention_sizes=8,4",
                "--segment_labels", "--batch_size=16", "--base_learning_rate=0.01", "--max_steps=80")  # fmt: skip
    commands.succeed("train", f"--train_data_pattern={planted}/validate/*.tfrecord", f"--train_dir={tmp_path}/run",
                     *features)  # fmt: skip
    found = named(tmp_path / "run", f"{planted}/test/*.tfrecord", tmp_path, "--top=3")
    result = moments.score(found, moments.read_truth(planted / "truth.csv"))
    assert result["named"] == 90
    assert result["first_inside"] > result["chance_inside"] + 0.2
    assert result["recalled"] > 2 * result["chance_recalled"]


def _train(folder, data, train, validate, ids, steps):
    """Runs both phases like run_train.sh with fewer steps; returns the directory of phase 2."""
    for phase, pattern in (("phase1", train), ("phase2", validate)):
        names = [phase, "multi_attention_1", data, f"{data}_{phase}"]
        start = [f"--init_checkpoint={folder}/phase1"] if phase == "phase2" else []
        commands.succeed("train", *(f"--flagfile={ROOT}/flags/{name}.flags" for name in names), *start, "--quiet",
                         f"--train_dir={folder}/{phase}", f"--train_data_pattern={pattern}", "--hidden_size=256",
                         f"--segment_label_ids_file={ids}", f"--max_steps={steps[phase]}")  # fmt: skip
    return folder / "phase2"


@pytest.mark.slow
def test_timed_events_of_audioset_are_found(shared_data, tmp_path):
    data = shared_data / "audioset"
    model = _train(tmp_path, "audioset", f"{data}/train/*.tfrecord", f"{data}/validate/*.tfrecord",
                   data / "segment_label_ids.csv", {"phase1": 300, "phase2": 100})  # fmt: skip
    found = named(model, f"{data}/test/*.tfrecord", tmp_path, "--frame_seconds=0.96", "--top=3")
    result = moments.score(found, moments.rated_truth(f"{data}/test/*.tfrecord", 2, 0.96))
    assert result["first_inside"] > 0.6
    assert result["recalled"] > result["chance_recalled"] + 0.1


@pytest.mark.slow
def test_scenes_of_a_collage_are_found(shared_data, tmp_path):
    data = tmp_path / "collage"
    commands.succeed("synthesize", f"--output_dir={data}", f"--sources={shared_data}/yt8m_video/*.tfrecord", "--quiet",
                     "--num_classes=3862", "--num_train=300", "--num_validate=200", "--num_test=60")  # fmt: skip
    model = _train(tmp_path, "collage", f"{data}/train/*.tfrecord", f"{data}/validate/*.tfrecord",
                   data / "segment_label_ids.csv", {"phase1": 60, "phase2": 100})  # fmt: skip
    found = named(model, f"{data}/test/*.tfrecord", tmp_path, "--top=3")
    result = moments.score(found, moments.read_truth(data / "truth.csv"))
    assert result["first_inside"] > result["chance_inside"] + 0.1
