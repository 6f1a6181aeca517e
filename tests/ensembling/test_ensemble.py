"""The command `ensemble`: one pass for all members, a blend of one model is that model, and what it refuses."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest

from tests import commands
from tests.training.runs import small
from yt8m_attention.config import Data
from yt8m_attention.data import pipeline
from yt8m_attention.ensembling import ensemble as blending
from yt8m_attention.ensembling import members
from yt8m_attention.errors import UserError
from yt8m_attention.inference import rank
from yt8m_attention.models import registry
from yt8m_attention.training import checkpoints, model_state, restore, run_file
from yt8m_attention.training.loop import State


@pytest.fixture(scope="module")
def folder(planted, tmp_path_factory):
    """Two networks as train would leave them, `one` and `two`, with the weights they began with."""
    folder = tmp_path_factory.mktemp("ensemble")
    for seed, name in enumerate(("one", "two")):
        run = small(planted, folder / name, segment_labels=True, holdout_fraction=0.3)
        keras.utils.set_random_seed(seed)
        arrays = model_state.arrays(model_state.variables(registry.build(run.model)))
        checkpoints.save(run.train_dir, 1, arrays, State(step=1, finished=True).to_meta())
        run_file.write(run, {}, "0")
    return folder


@pytest.fixture(scope="module")
def test_files(planted):
    return str(planted / "test" / "*.tfrecord")


def ensemble(folder, name, test_files, inputs="one,two", weights=None, method="mean"):
    """Blends in this process, for speed; the command itself is asked below."""
    paths = tuple(str(folder / path) for path in inputs.split(","))
    is_model = tuple(not path.endswith(".npz") for path in paths)
    asked = blending.Inputs(paths, is_model, weights, method)
    if any(is_model):
        return blending.rank_models(asked, lambda data, _: job(folder, name, test_files, data), lambda data: data, 1000)
    return blending.rank_files(asked, job(folder, name, test_files, Data()), 1000)


def job(folder, name, test_files, data):
    return rank.Job(test_files, data, str(folder / f"{name}.csv"), str(folder / f"{name}.npz"))


@pytest.fixture(scope="module")
def singles(folder, test_files):
    """The scores and rankings of either model, as `inference` makes them."""
    for name in ("one", "two"):
        trained = restore.load(str(folder / name))
        rank.rank_segments(trained.model, job(folder, f"single_{name}", test_files, trained.run.data), 1000)


def scores_of(folder, name):
    with np.load(folder / f"{name}.npz") as saved:
        return dict(saved)


def test_a_blend_of_models_is_the_blend_of_their_scores(folder, test_files, singles):
    made = commands.succeed(
        "ensemble", "--inputs=one,two", f"--runs_dir={folder}", f"--input_data_pattern={test_files}", "--weights=3,1",
        f"--output_file={folder / 'both'}.csv", f"--scores_file={folder / 'both'}.npz",
    )  # fmt: skip
    assert (made["inputs"], made["output_file"]) == (2, str(folder / "both.csv"))
    one, two, both = (scores_of(folder, name) for name in ("single_one", "single_two", "both"))
    for key in ("ids", "starts", "classes"):
        np.testing.assert_array_equal(one[key], both[key])
    np.testing.assert_allclose(both["scores"], 0.75 * one["scores"] + 0.25 * two["scores"], atol=1e-6)
    assert made["rows"] == both["scores"].size


@pytest.mark.parametrize("method", ["mean", "rank", "geometric"])
def test_files_and_models_alike(folder, test_files, singles, method):
    ensemble(folder, "models", test_files, method=method)
    ensemble(folder, "mixed", test_files, inputs="one,single_two.npz", method=method)
    ensemble(folder, "files", test_files, inputs="single_one.npz,single_two.npz", method=method)
    for name in ("mixed", "files"):
        np.testing.assert_allclose(scores_of(folder, name)["scores"], scores_of(folder, "models")["scores"], atol=1e-6)


@pytest.mark.parametrize("inputs, method", [("one,one", "mean"), ("one,single_one.npz", "rank"), ("one", "geometric")])
def test_a_model_with_itself_is_that_model(folder, test_files, singles, inputs, method):
    ensemble(folder, "itself", test_files, inputs=inputs, method=method)
    assert (folder / "itself.csv").read_bytes() == (folder / "single_one.csv").read_bytes()


def test_all_members_share_one_pass(folder, test_files, monkeypatch):
    passes = []
    real = pipeline.evaluation_batches
    monkeypatch.setattr(pipeline, "evaluation_batches", lambda *a, **k: passes.append(a[0]) or real(*a, **k))
    ensemble(folder, "pass", test_files, inputs="one,two,one")
    assert passes == [test_files]


def test_fitted_weights(planted, folder, test_files):
    fit_files = str(planted / "validate" / "*.tfrecord")
    result = commands.run(
        "ensemble", "--inputs=one,two", f"--runs_dir={folder}", f"--output_file={folder}/fitted.csv",
        f"--input_data_pattern={test_files}", f"--fit_data_pattern={fit_files}", "--only_holdout",
    )  # fmt: skip
    assert result.status == 0, result.stderr
    made = result.json
    assert sum(made["weights"]) == pytest.approx(1) and min(made["weights"]) >= 0
    assert 0 < made["map"] <= 1
    rows = {line.split()[0]: line.split()[1:] for line in result.stderr.splitlines() if line.startswith(str(folder))}
    assert set(rows) == {str(folder / "one"), str(folder / "two")}
    assert made["map"] >= max(float(row[1]) for row in rows.values()) - 1e-4  # no worse than either alone


def refusal(folder, *flags):
    result = commands.run("ensemble", f"--runs_dir={folder}", f"--output_file={folder}/refused.csv", *flags)
    assert result.status == 2, result.stderr
    assert not (folder / "refused.csv").exists()
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("ensemble: ")
    return line


def test_weights_are_never_fitted_on_what_is_scored_or_learned(planted, folder, test_files):
    models = ("--inputs=one,two", f"--input_data_pattern={test_files}")
    assert "in common" in refusal(folder, *models, f"--fit_data_pattern={planted}/test/test0000.tfrecord")
    seen = refusal(folder, *models, f"--fit_data_pattern={planted}/validate/*.tfrecord")
    assert "--only_holdout" in seen and "--fit_data_pattern" in seen
    more = refusal(folder, *models, f"--fit_data_pattern={planted}/validate/*.tfrecord", "--only_holdout",
                   "--holdout_fraction=0.5")  # fmt: skip
    assert "was trained on" in more


def test_other_refusals(folder, singles):
    files = "--inputs=single_one.npz,single_two.npz"
    assert "--inputs" in refusal(folder, "--inputs=none")
    assert "--input_data_pattern" in refusal(folder, "--inputs=one")
    assert "--weights" in refusal(folder, files, "--weights=1")
    assert "--weights" in refusal(folder, files, "--weights=1,x")
    assert "--fit_data_pattern" in refusal(folder, files, "--fit_data_pattern=x")
    saved = scores_of(folder, "single_two")
    np.savez(folder / "fewer.npz", **{k: v if k == "classes" else v[1:] for k, v in saved.items()})
    assert "fewer.npz" in refusal(folder, "--inputs=single_one.npz,fewer.npz")
    np.savez(folder / "videos.npz", **saved | {"starts": np.full_like(saved["starts"], -1)})
    assert "whole videos" in refusal(folder, "--inputs=videos.npz")
    shutil.copy(folder / "single_one.csv", folder / "text.npz")
    assert "text.npz" in refusal(folder, "--inputs=text.npz")


def test_members_of_another_kind_are_refused(planted, folder):
    sizes = iter((5, 4))

    def change(data):
        return dataclasses.replace(data, segment_size=next(sizes))

    with pytest.raises(UserError, match="--segment_size"):
        members.load([str(folder / "one"), str(folder / "two")], change)
