"""The command `ensemble`: one pass for all members, a model blended with itself, and refusals."""

import dataclasses
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tests import commands
from tests.training.runs import small
from yt8m_attention.config import Data, Scoring
from yt8m_attention.data import pipeline
from yt8m_attention.ensembling import ensemble as blending
from yt8m_attention.ensembling import members
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import evaluate_submission
from yt8m_attention.inference import rank
from yt8m_attention.models import registry
from yt8m_attention.runs import checkpoints, model_state, restore, run_file
from yt8m_attention.training.loop import State


@pytest.fixture(scope="module")
def folder(planted, tmp_path_factory):
    """Two untrained networks, `one` and `two`, saved like trained ones."""
    folder = tmp_path_factory.mktemp("ensemble")
    for seed, (name, model) in enumerate((("one", {"model": "attention"}), ("two", {}))):
        run = small(planted, folder / name, segment_labels=True, model=model, holdout_fraction=0.3)
        keras.utils.set_random_seed(seed)
        arrays = model_state.arrays(model_state.variables(registry.build(run.model)))
        checkpoints.save(run.train_dir, 1, arrays, State(step=1, finished=True).to_meta())
        run_file.write(run, {}, "0")
    return folder


@pytest.fixture(scope="module")
def test_files(planted):
    return str(planted / "test" / "*.tfrecord")


def ensemble(folder, name, test_files, inputs="one,two", weights=None, method="mean", rated=None, held_out=0.0,
             video_score_weight=0.0):  # fmt: skip
    """Blends in this process, for speed; other tests run the command. Without a name nothing is ranked."""
    paths = tuple(str(folder / path) for path in inputs.split(","))
    is_model = tuple(not path.endswith(".npz") for path in paths)
    requested = blending.Inputs(paths, is_model, weights, method)
    rated = rated and blending.Rated(rated, lambda share: held_out)

    def make_job(data, share):
        changed = {"held_out": 0.0 if rated else held_out, "scoring": Scoring(video_score_weight=video_score_weight)}
        return dataclasses.replace(job(folder, name, test_files, data), **changed)

    if any(is_model):
        return blending.rank_models(requested, make_job, lambda data: data, 1000, rated)
    return blending.rank_files(requested, make_job(Data(), 0.0), 1000, rated)


def job(folder, name, test_files, data):
    places = (str(folder / f"{name}.csv"), str(folder / f"{name}.npz")) if name else (None, None)
    return rank.RankingJob(test_files, data, *places)


@pytest.fixture(scope="module")
def singles(folder, test_files):
    """The scores and rankings of each model, as `inference` writes them."""
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


def test_files_are_blended_a_part_at_a_time(folder, test_files, singles, monkeypatch):
    inputs = "single_one.npz,single_two.npz"
    ensemble(folder, "whole", test_files, inputs=inputs)
    monkeypatch.setattr(blending, "_SEGMENTS", 7)
    real, parts = rank.write_ranking, []
    monkeypatch.setattr(rank, "write_ranking", lambda blended, *more: real(map(seen(parts), blended), *more))
    ensemble(folder, "parts", test_files, inputs=inputs)
    assert (folder / "parts.csv").read_bytes() == (folder / "whole.csv").read_bytes()
    assert len(parts) > 2 and max(parts) == 7


def seen(parts):
    """Returns a function that records the number of segments of a part and returns the part."""

    def look(part):
        parts.append(len(part[0]))
        return part

    return look


@pytest.mark.parametrize("method", ["mean", "geometric"])
def test_given_weights_are_judged_by_the_score_of_what_is_ranked(folder, test_files, singles, method):
    """The scored files are allowed, because nothing is fitted. "rank" is excluded: it ranks rated segments only."""
    made = ensemble(folder, "judged", test_files, "single_one.npz,two", (3.0, 1.0), method, rated=test_files)
    assert made["weights"] == [0.75, 0.25]
    ranked = evaluate_submission.score(str(folder / "judged.csv"), test_files, 1000)
    assert made["map"] == pytest.approx(ranked["map"], abs=1e-6)


def test_each_member_is_rescored_by_its_own_scores_of_the_videos(folder, test_files, singles):
    made = ensemble(folder, "rescored", test_files, weights=(3.0, 1.0), rated=test_files, video_score_weight=0.4)
    wanted = 0.0
    for name, share in (("one", 0.75), ("two", 0.25)):
        trained = restore.load(str(folder / name))
        rank.rank_classes(trained.model, job(folder, f"videos_{name}", test_files, trained.run.data), 5)
        segments, videos = scores_of(folder, f"single_{name}"), scores_of(folder, f"videos_{name}")
        row = {video: number for number, video in enumerate(videos["ids"].tolist())}
        video_scores = videos["scores"][[row[video] for video in segments["ids"].tolist()]][:, segments["classes"]]
        wanted += share * segments["scores"] ** 0.6 * video_scores**0.4
    np.testing.assert_allclose(scores_of(folder, "rescored")["scores"], wanted, atol=1e-5)
    ranked = evaluate_submission.score(str(folder / "rescored.csv"), test_files, 1000)
    assert made["map"] == pytest.approx(ranked["map"], abs=1e-6)


def test_rescoring_refuses_members_with_different_sampling(folder, test_files, tmp_path):
    """The command line can set one sampling for all. Without rescoring the sampling does not matter."""
    for name in ("one", "two"):
        shutil.copytree(folder / name, tmp_path / name)
    run = run_file.read(str(tmp_path / "two"))
    sampling = dataclasses.replace(run.data.sampling, frame_sampling="all")
    data = dataclasses.replace(run.data, sampling=sampling)
    run_file.write(dataclasses.replace(run, train_dir=str(tmp_path / "two"), data=data), {}, "0")
    ensemble(tmp_path, "by_themselves", test_files)
    flags = ("--inputs=one,two", f"--runs_dir={tmp_path}", f"--input_data_pattern={test_files}",
             f"--output_file={tmp_path}/rescored.csv", "--video_score_weight=0.4")  # fmt: skip
    refused = commands.run("ensemble", *flags)
    assert refused.status == 2 and "two is all, of" in refused.stderr and "give --frame_sampling" in refused.stderr
    assert not (tmp_path / "rescored.csv").exists()
    commands.succeed("ensemble", *flags, "--frame_sampling=all")


def test_files_and_models_give_the_same_fit_and_write_nothing(folder, test_files, singles):
    before = sorted(folder.iterdir())
    models, files = (
        ensemble(folder, None, test_files, inputs, rated=test_files, held_out=0.4)
        for inputs in ("one,two", "single_one.npz,single_two.npz")
    )
    assert models.keys() == {"inputs", "weights", "map"}
    assert models["weights"] == pytest.approx(files["weights"]) and models["map"] == pytest.approx(files["map"])
    everything = ensemble(folder, None, test_files, "single_one.npz,single_two.npz", rated=test_files)
    assert everything["map"] != files["map"]  # the held-out share was not all videos
    assert sorted(folder.iterdir()) == before


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
    assert made["map"] >= max(float(row[1]) for row in rows.values()) - 1e-4  # at least the better member


def test_equal_weights_are_judged_without_a_ranking(planted, folder):
    result = commands.run("ensemble", "--inputs=one,two", f"--runs_dir={folder}", "--weights=equal", "--only_holdout",
                          f"--fit_data_pattern={planted}/validate/*.tfrecord")  # fmt: skip
    assert result.status == 0, result.stderr
    assert result.json.keys() == {"inputs", "weights", "map"} and result.json["weights"] == [0.5, 0.5]
    gains = [line for line in result.stderr.splitlines() if line.startswith(str(folder)) and "  0.50  " in line]
    assert len(gains) == 2


def refusal(folder, *flags):
    result = commands.run("ensemble", f"--runs_dir={folder}", f"--output_file={folder}/refused.csv", *flags)
    assert result.status == 2, result.stderr
    assert not (folder / "refused.csv").exists()
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("ensemble: ")
    return line


def test_weights_are_never_fitted_on_scored_or_training_videos(planted, folder, test_files):
    models = ("--inputs=one,two", f"--input_data_pattern={test_files}")
    assert "in common" in refusal(folder, *models, f"--fit_data_pattern={planted}/test/test0000.tfrecord")
    seen = refusal(folder, *models, f"--fit_data_pattern={planted}/validate/*.tfrecord")
    assert "--only_holdout" in seen and "--fit_data_pattern" in seen
    more = refusal(folder, *models, f"--fit_data_pattern={planted}/validate/*.tfrecord", "--only_holdout",
                   "--holdout_fraction=0.5")  # fmt: skip
    assert "was trained on" in more


def test_a_held_out_share_that_another_member_was_trained_on_is_refused(planted, folder):
    with pytest.raises(UserError, match=r"--input_data_pattern=.*was trained on"):
        ensemble(folder, "refused", f"{planted}/validate/*.tfrecord", held_out=0.5)
    assert not (folder / "refused.csv").exists()


@pytest.fixture
def two_phases(planted, tmp_path):
    """Function of a start checkpoint -> a member; the phase in `first` was trained on the test files."""
    first = dataclasses.replace(
        small(planted, tmp_path / "first"), train_data_pattern=str(planted / "test" / "*.tfrecord")
    )
    (tmp_path / "first").mkdir()
    run_file.write(first, {}, "0")

    def member(start, **changes):
        phase = {"segment_labels": True, "holdout_fraction": 0.3, "init_checkpoint": str(tmp_path / start)}
        return SimpleNamespace(run=dataclasses.replace(small(planted, tmp_path / "second", **phase), **changes))

    return member


@pytest.mark.parametrize("start", ["first", "first/checkpoints/step-00000001.npz"])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_training_files_of_an_earlier_phase_are_refused(two_phases, test_files, start, share):
    with pytest.raises(UserError, match=r"--x=.*/first was trained on.*name other files"):
        members.check_unseen([two_phases(start)], test_files, share, "x")


def test_missing_training_files_are_logged(two_phases, planted, capsys):
    others = f"{planted}/train/*.tfrecord"
    members.check_unseen([two_phases("first")], others, 0.0, "x")
    assert capsys.readouterr().err == ""
    members.check_unseen([two_phases("gone")], others, 0.0, "x")
    members.check_unseen([two_phases("first", train_data_pattern="gone*")], others, 0.0, "x")
    start, own = capsys.readouterr().err.splitlines()
    assert "/gone, its --init_checkpoint, cannot be found" in start
    assert "the files that" in own and "/second was trained on cannot be found" in own


def test_other_refusals(folder, singles):
    files = "--inputs=single_one.npz,single_two.npz"
    assert "--inputs" in refusal(folder, "--inputs=none")
    assert "--input_data_pattern" in refusal(folder, "--inputs=one")
    assert "--weights" in refusal(folder, files, "--weights=1")
    assert "--weights" in refusal(folder, files, "--weights=1,x")
    assert "leave out --output_file" in refusal(folder, files, "--fit_data_pattern=x")
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
