"""Every flagfile says what it is for, and `train` accepts every combination that run_train.sh can make of them."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ROOT / "flags"

# Where a name's comment gives no score, none was published for segments.
SCORES = {
    "attention_1": 0.769, "attention_2": 0.768, "attention_3": 0.768,
    "multi_attention_1": 0.771, "multi_attention_2": 0.772, "multi_attention_3": 0.772,
    "dbof_1": 0.763, "dbof_2": 0.757, "netvlad": 0.753, "cnn_1": 0.757, "cnn_2": 0.755,
    "gru": 0.758, "mix_nextvlad": 0.781, "transformer": 0.780,
}  # fmt: skip

PHASES = ("phase1", "phase2")
DATA = ("youtube8m", "demo", "collage", "audioset")
# name: heads, classifier, normaliser, sampling; the paper's table of single models.
PUBLISHED = {
    "attention_1": (1, "moe", "sparsemax", "random"),
    "attention_2": (1, "moe", "softmax", "every"),
    "attention_3": (1, "logistic", "softmax", "random"),
    "multi_attention_1": (8, "logistic", "softmax", "random"),
    "multi_attention_2": (8, "moe", "softmax", "random"),
    "multi_attention_3": (16, "moe", "softmax", "random"),
}
# name: network and what sets it apart; then the sampling.
OTHERS = {
    "video_logistic": ({"model": "video_level", "video_level_classifier_model": "logistic"}, "random"),
    "video_moe": ({"model": "video_level", "video_level_classifier_model": "moe"}, "random"),
    "frame_logistic": ({"model": "frame_pooling", "pooling": "mean"}, "random"),
    "frame_max": ({"model": "frame_pooling", "pooling": "max"}, "random"),
    "mean_pooling": ({"model": "frame_pooling", "pooling": "mean"}, "random"),
    "max_pooling": ({"model": "frame_pooling", "pooling": "max"}, "random"),
    "dbof_1": ({"model": "dbof", "dbof_cluster_size": 2048, "pooling": "max"}, "random"),
    "dbof_2": ({"model": "dbof", "dbof_cluster_size": 2048, "pooling": "mean"}, "random"),
    "netvlad": ({"model": "netvlad", "netvlad_cluster_size": 64}, "random"),
    "cnn_1": ({"model": "cnn", "cnn_filter_widths": [1, 2, 3], "cnn_filters": [1024, 1024, 2048]}, "all"),
    "cnn_2": ({"model": "cnn", "cnn_filter_widths": [1, 2, 3], "cnn_filters": [1024, 1024, 2048]}, "every"),
    "gru": ({"model": "gru", "gru_cells": 1024}, "every"),
    "lstm": ({"model": "lstm", "lstm_cells": 1024}, "every"),
    "nextvlad": ({"model": "nextvlad", "nextvlad_cluster_size": 128, "nextvlad_groups": 8}, "random"),
    "mix_nextvlad": ({"model": "mix_nextvlad", "mix_number": 3, "nextvlad_cluster_size": 128}, "random"),
    "transformer": ({"model": "transformer", "transformer_layers": 3, "pooling": "mean"}, "random"),
}
MODELS = (*PUBLISHED, *OTHERS)

# Flags are global to a process and commands define the same ones, so they are parsed in a process of their own.
PARSE = """
import json, sys
from absl.testing import flagsaver
from yt8m_attention import config
from yt8m_attention.cli import app, training

app.define(training.OPTIONS)
for line in sys.stdin:
    with flagsaver.flagsaver():
        app.parse(["train", *json.loads(line)])
        print(json.dumps(config.to_dict(training.run())))
"""


def command_line(phase, model, data):
    """run_train.sh's order of flagfiles, without the network that reading the class ids may need."""
    names = [name for name in (phase, model, data, f"{data}_{phase}") if (FLAGS / f"{name}.flags").exists()]
    return [f"--flagfile={FLAGS / name}.flags" for name in names] + [
        "--train_dir=runs",
        "--train_data_pattern=*.tfrecord",
        "--segment_label_ids_file=",
    ]


@pytest.fixture(scope="module")
def runs():
    """{(phase, model, data): the run's configuration as a dict}."""
    keys = list(itertools.product(PHASES, MODELS, DATA))
    return dict(zip(keys, parsed([command_line(*key) for key in keys]), strict=True))


def parsed(command_lines):
    """The configurations, as dicts, that lists of `train`'s arguments make."""
    lines = "\n".join(map(json.dumps, command_lines))
    done = subprocess.run([sys.executable, "-c", PARSE], input=lines, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(map(json.loads, done.stdout.splitlines()))


def test_every_flagfile_has_its_place():
    known = {*PHASES, *MODELS, *DATA, *(f"{data}_{phase}" for data in DATA for phase in PHASES)}
    assert {path.name.removesuffix(".flags") for path in FLAGS.iterdir()} - {"ensemble"} <= known  # not train's


@pytest.mark.parametrize("path", sorted(FLAGS.glob("*.flags")), ids=lambda path: path.stem)
def test_a_flagfile_opens_with_command_cost_and_score(path):
    comments = list(itertools.takewhile(lambda line: line.startswith("# "), path.read_text("utf-8").splitlines()))
    said = [line.removeprefix("# ").partition(":")[0] for line in comments]
    assert [word for word in said if word in ("Command", "Cost", "Score")] == ["Command", "Cost", "Score"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks(runs, name):
    run = runs["phase1", name, "youtube8m"]
    model, sampling = run["model"], run["data"]["sampling"]
    heads, classifier, normaliser, frames = PUBLISHED[name]
    assert model["model"] == ("attention" if heads == 1 else "multi_attention")
    assert model["num_heads"] == heads
    assert model["video_level_classifier_model"] == classifier
    assert model["attention_normalizer"] == normaliser
    assert sampling["frame_sampling"] == frames
    if frames == "every":
        taken = range(sampling["first_frame"], sampling["last_frame"] + 1, sampling["frame_stride"])
        assert (taken[0], taken[-1], len(taken)) == (20, 270, 51)
    else:
        assert (sampling["num_frames"], sampling["trim_frames"]) == (120, 15)


@pytest.mark.parametrize("name", OTHERS)
def test_networks_of_the_comparison(runs, name):
    run = runs["phase1", name, "youtube8m"]
    wanted, frames = OTHERS[name]
    assert run["model"] == run["model"] | wanted
    assert run["model"]["hidden_size"] == 1024
    assert run["data"]["sampling"]["frame_sampling"] == frames
    linear = name.startswith(("video_", "frame_"))
    assert (run["model"]["hidden_layer"], run["model"]["context_gating"]) == (not linear, not linear)


@pytest.mark.parametrize("name", ["mean_pooling", "max_pooling"])
def test_a_control_differs_from_attention_3_in_its_pooling_alone(runs, name):
    control, attention = (runs["phase1", n, "youtube8m"] for n in (name, "attention_3"))
    assert control["data"] == attention["data"]
    differing = {key for key, value in control["model"].items() if value != attention["model"][key]}
    # The last two are nothing to a network without attention.
    assert differing <= {"model", "pooling", "num_heads", "attention_normalizer"}


@pytest.mark.parametrize("name", MODELS)
def test_published_scores(name):
    text = (FLAGS / f"{name}.flags").read_text("utf-8")
    score = next(line for line in text.splitlines() if line.startswith("# Score:"))
    assert f"of {SCORES[name]:.3f} on YouTube-8M" in score if name in SCORES else "none published" in score


def test_published_schedule(runs):
    first, second = (runs[phase, "multi_attention_1", "youtube8m"]["phase"] for phase in PHASES)
    assert (first["max_steps"], second["max_steps"]) == (60_100, 2500)
    for phase in (first, second):
        assert (phase["batch_size"], phase["base_learning_rate"], phase["clip_gradient_norm"]) == (128, 8e-4, 1.0)
        assert (phase["learning_rate_decay"], phase["learning_rate_decay_examples"]) == (0.8, 4_000_000)


def test_noise_is_for_frames_drawn_at_random(runs):
    """As published: a standard deviation of 0.001 on random frames, none on every fifth frame, none in phase 2. So on
    one kind of data, where all networks see the same frames, all have the same noise."""
    for (phase, model, data), run in runs.items():
        drawn = phase == "phase1" and run["data"]["sampling"]["frame_sampling"] == "random"
        assert run["model"]["input_noise"] == (0.001 if drawn else 0), (phase, model, data)


def test_noise_can_be_asked_for(runs):
    asked = parsed([[*command_line(phase, "cnn_1", "audioset"), "--input_noise=0.5"] for phase in PHASES])
    for phase, run in zip(PHASES, asked, strict=True):
        assert run["model"] == runs[phase, "cnn_1", "audioset"]["model"] | {"input_noise": 0.5}


def test_phase_2_goes_on_where_phase_1_ended(runs):
    for model, data in itertools.product(MODELS, DATA):
        first, second = runs["phase1", model, data], runs["phase2", model, data]
        assert first["model"] | {"input_noise": 0} == second["model"]
        assert first["data"] == second["data"]
        for flag in ("base_learning_rate", "learning_rate_decay", "learning_rate_decay_examples"):
            assert first["phase"][flag] == second["phase"][flag], (model, data, flag)


def test_rated_segments_are_phase_2s_and_some_are_held_out(runs):
    for (phase, _, _), run in runs.items():
        assert run["phase"]["segment_labels"] == (phase == "phase2")
        assert (run["phase"]["holdout_fraction"] > 0) == (phase == "phase2")
        assert run["phase"]["unrated"] == "ignore"


def test_the_data_decides_how_frames_are_sampled(runs):
    for (_, model, data), run in runs.items():
        if data == "audioset":
            assert run["data"]["sampling"]["frame_sampling"] == "all", model
            assert run["data"]["segment_size"] == 2
            assert run["model"]["features"] == {"names": ["audio_embedding"], "sizes": [128]}
