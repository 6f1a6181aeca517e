"""Partial rankings: the merged parts of any number of workers equal the file of a single run, byte for byte."""

import csv
import dataclasses
import itertools

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import commands
from tests.layer_case import randomize
from yt8m_attention.config import Data, Features, Model, Phase, Run, Scoring
from yt8m_attention.data.formats import writer
from yt8m_attention.errors import UserError
from yt8m_attention.inference import partial_rankings, rank, scoring
from yt8m_attention.inference.ranked_segments import RankedSegments
from yt8m_attention.models import registry
from yt8m_attention.runs import checkpoints, model_state, run_file
from yt8m_attention.training.loop import State

FEATURES = Features(("rgb", "audio"), (24, 8))
DATA = Data(features=FEATURES, num_classes=6, segment_classes=(0, 2, 3), index_dir="none")
MODEL = Model(features=FEATURES, num_classes=6, num_heads=6, hidden_size=16)
# The content of the videos in each file. Contents repeat, so that whole videos have equal scores. The videos of the
# first file are too short for a segment, so the first of three workers has none.
FILES = [[None, None], [0, 1, 0], [2], [1, 1, 2, 0, 3, 0], [3, 1]]
FRAMES = [(number, content) for number, contents in enumerate(FILES) for content in contents]  # of v0, v1, ...


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = registry.build(MODEL)
    randomize(model)
    return model


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A directory of files, of videos v0, v1, ... in file order."""
    folder, random = tmp_path_factory.mktemp("videos"), np.random.default_rng(0)
    frames = {n: random.integers(0, 256, (70 + 7 * n, 32), np.uint8) for n in range(4)} | {
        None: np.zeros((9, 32), "u1")
    }
    for number in range(len(FILES)):
        records = [
            writer.frame_record(f"v{n}", [0], frames[content], FEATURES)
            for n, (file, content) in enumerate(FRAMES)
            if file == number
        ]
        writer.write_shard(str(folder / f"{number}.tfrecord"), records)
    return folder


@pytest.fixture(autouse=True)
def not_compiled(monkeypatch):
    monkeypatch.setattr(scoring.compilation, "xla", None)  # compiling takes longer than all the rest here


def ranked_by(model, videos, folder, workers, k, **settings):
    """Returns the bytes of the CSV of a number of workers; None: of a single run without parts."""
    job = rank.RankingJob(f"{videos}/*.tfrecord", DATA, f"{folder}/s.csv", **settings)
    if workers is None:
        rank.rank_segments(model, job, k)
        return (folder / "s.csv").read_bytes()
    for number in range(workers):
        part = dataclasses.replace(job, output_file=f"{folder}/{workers}-{number}.npz", worker=(number, workers))
        assert rank.rank_segments(model, part, k)["ranking_file"] == part.output_file
    result = partial_rankings.merge(f"{folder}/{workers}-*.npz", f"{folder}/merged.csv")
    ranked = (folder / "merged.csv").read_bytes()
    assert (
        result["rows"]
        == sum(row.count(b":") for row in ranked.splitlines())
        == result["classes"] * min(k, result["segments"])
    )
    return ranked


def tied_over_files(cell):
    """Returns whether two segments with the same frames, from files of different workers, are neighbours."""
    names = [(FRAMES[int(video[1:])], start) for video, start in (name.split(":") for name in cell.split())]
    return any(a[0] < 2 <= b[0] and (a[1], s) == (b[1], t) for (a, s), (b, t) in itertools.pairwise(names))


@pytest.mark.parametrize(("stride", "k", "weight"), [(None, 25, 0.0), (2, 1000, 0.0), (None, 1000, 0.3)])
def test_any_number_of_workers_makes_the_same_file(model, videos, tmp_path, stride, k, weight):
    settings = {"window_stride": stride, "scoring": Scoring(video_score_weight=weight)}
    whole = ranked_by(model, videos, tmp_path, None, k, **settings)
    for row in csv.reader(whole.decode().splitlines()[1:]):
        assert tied_over_files(row[1])
    for workers in (1, 2, 3):
        assert ranked_by(model, videos, tmp_path, workers, k, **settings) == whole
    if weight:  # the weight changes the result
        assert ranked_by(model, videos, tmp_path, None, k, window_stride=stride) != whole


SCORED = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)


@given(scored=SCORED, cuts=st.lists(st.integers(0, 30), max_size=4), k=st.integers(1, 12))
def test_parts_cut_anywhere_rank_as_the_whole(tmp_path_factory, scored, cuts, k):
    folder = tmp_path_factory.mktemp("parts")
    scores, ids = np.array(scored, np.float32), np.array([f"v{n}".encode() for n in range(len(scored))])
    bounds = [0, *sorted(min(cut, len(ids)) for cut in cuts), len(ids)]
    whole = saved(folder, None, ids, scores, k)
    for number, (start, end) in enumerate(itertools.pairwise(bounds)):
        saved(folder, (number, len(bounds) - 1), ids[start:end], scores[start:end], k)
    partial_rankings.merge(f"{folder}/*.npz", f"{folder}/merged.csv")
    whole.write(f"{folder}/whole.csv")
    assert (folder / "merged.csv").read_bytes() == (folder / "whole.csv").read_bytes()


def saved(folder, worker, ids, scores, k=5, name=None, **run):
    """Returns RankedSegments of two classes; for a worker, also writes its part NUMBER.npz."""
    ranked = RankedSegments(np.array([3, 7]), k, "--input_data_pattern=x")
    ranked.add(ids, np.zeros(len(ids), np.int64), scores)
    if worker:
        run = {"worker": worker, "segment_max_pred": k, "train_dir": "weights 1"} | run
        partial_rankings.save(ranked, str(folder / (name or f"{worker[0]}.npz")), run)
    return ranked


def a_part(folder, number, workers=3, **others):
    saved(folder, (number, workers), np.array([b"a%d" % number]), np.ones((1, 2), np.float32), **others)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "1.npz").unlink(), ["found 2 of 3 parts", "--worker=2/3 is missing"]),
        (lambda folder: a_part(folder, 1, name="again.npz"), ["1.npz and", "again.npz are both of --worker=2/3"]),
        (lambda folder: a_part(folder, 1, 4), ["1.npz was ranked with of 4 workers", "0.npz"]),
        (lambda folder: a_part(folder, 1, k=6), ["1.npz", "--segment_max_pred 6", "with 5"]),
        (lambda folder: a_part(folder, 1, train_dir="weights 2"), ["1.npz", "--train_dir weights 2", "weights 1"]),
        (lambda folder: a_part(folder, 2, window_stride=1), ["2.npz", "--window_stride 1", "with None"]),
        (lambda folder: saved(folder, (1, 3), np.array([b"a0"]), np.ones((1, 2))), ["two videos have the id b'a0'"]),
        (lambda folder: (folder / "1.npz").write_bytes(b"text"), ["1.npz: is not a part of a ranking"]),
        (lambda folder: np.savez(folder / "1.npz", **(dict(np.load(folder / "1.npz")) | {"ids": np.array([], "S1"),
                                 "starts": np.array([], int)})), ["1.npz: is not a part", "do not fit its 0 names"]),
        (lambda folder: np.savez(folder / "1.npz", **(dict(np.load(folder / "1.npz")) | {"run": np.frombuffer(
            b'{"worker": [1]}', np.uint8)})), ["1.npz: is not a part of a ranking"]),
        (lambda folder: [path.unlink() for path in folder.iterdir()], ["--merge_rankings", "matches no files"]),
    ],
)  # fmt: skip
def test_only_the_parts_of_one_run_are_merged(tmp_path, change, words):
    for number in range(3):
        a_part(tmp_path, number)
    change(tmp_path)
    with pytest.raises(UserError) as error:
        partial_rankings.merge(f"{tmp_path}/*.npz", str(tmp_path / "merged.csv"))
    assert all(word in str(error.value) for word in words) and "\n" not in str(error.value), error.value
    assert not (tmp_path / "merged.csv").exists()


def test_parts_without_a_segment_are_an_error(tmp_path):
    for number in range(2):
        saved(tmp_path, (number, 2), np.array([], "S1"), np.ones((0, 2), np.float32))
    with pytest.raises(UserError, match="no part holds a segment"):
        partial_rankings.merge(f"{tmp_path}/*.npz", str(tmp_path / "merged.csv"))


def test_what_parts_have_in_common(model, videos, tmp_path):
    """Everything that changes a ranking is part of the identity; the files' directory and how they are read is not."""

    def identity(k=9, model=model, pattern=f"{videos}/*.tfrecord", data=None, **settings):
        job = rank.RankingJob(pattern, dataclasses.replace(DATA, **data or {}), "s.csv", worker=(0, 2), **settings)
        return partial_rankings.identity(model, scoring.make_scorer(model, [0], job.scoring.precision), job, k)

    first = identity()
    other = registry.build(MODEL)
    softmax = registry.build(dataclasses.replace(MODEL, attention_normalizer="softmax"))
    softmax.set_weights(model.get_weights())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.symlink_to(videos)
    assert identity(pattern=f"{elsewhere}/*.tfrecord", data={"cache_bytes": 7, "verify_crc": True}) == first
    assert identity(window_stride=5) == first
    for flag, changed in {
        "segment_max_pred": identity(k=8),
        "input_data_pattern": identity(pattern=f"{videos}/[0-3].tfrecord"),
        "window_stride": identity(window_stride=1),
        "only_holdout": identity(held_out=0.5),
        "precision": identity(scoring=Scoring(precision="mixed_bfloat16")),
        "batch_size": identity(scoring=Scoring(batch_size=7)),
        "segment_window": identity(data={"segment_window": (0, 0)}),
        "segment_label_ids_file": identity(data={"segment_classes": (0, 2, 4)}),
        "train_dir": identity(model=other),
    }.items():
        assert {name for name in first if first[name] != changed[name]} == {flag}
    assert identity(model=softmax)["train_dir"] != first["train_dir"]
    with pytest.raises(UserError, match=r"--worker=1/2: .* names 1 files"):
        identity(pattern=f"{videos}/0.tfrecord")


@pytest.fixture(scope="module")
def train_dir(model, tmp_path_factory):
    """A training directory."""
    run = Run(str(tmp_path_factory.mktemp("trained") / "run"), "x", MODEL, DATA, Phase(max_steps=1))
    checkpoints.save(run.train_dir, 1, model_state.arrays(model_state.variables(model)),
                     State(step=1, finished=True).to_meta())  # fmt: skip
    run_file.write(run, {}, "0")
    return run.train_dir


def test_parts_rescored_by_videos_are_of_the_same_frames_of_them(model, videos, tmp_path):
    for number, stride in enumerate((5, 7)):
        sampling = dataclasses.replace(DATA.sampling, frame_sampling="every", frame_stride=stride)
        data, part = dataclasses.replace(DATA, sampling=sampling), f"{tmp_path}/{number}.npz"
        scoring_ = Scoring(video_score_weight=0.3)
        job = rank.RankingJob(f"{videos}/*.tfrecord", data, part, worker=(number, 2), scoring=scoring_)
        rank.rank_segments(model, job, 25)
    with pytest.raises(UserError, match=r"1\.npz was ranked with --frame_stride 7, .*0\.npz with 5"):
        partial_rankings.merge(f"{tmp_path}/?.npz", f"{tmp_path}/merged.csv")


def test_workers_and_their_merge_from_the_command_line(videos, train_dir, tmp_path):
    rank_all = (f"--train_dir={train_dir}", f"--input_data_pattern={videos}/*.tfrecord", "--segment_labels",
                "--window_stride=3", "--segment_max_pred=20")  # fmt: skip
    whole = commands.succeed("inference", *rank_all, f"--output_file={tmp_path}/whole.csv")
    counts = [
        commands.succeed("inference", *rank_all, f"--worker={n}/2", f"--ranking_file={tmp_path}/{n}.npz")
        for n in (1, 2)
    ]
    merged = commands.succeed("inference", f"--merge_rankings={tmp_path}/1.npz,{tmp_path}/2.npz",
                              f"--output_file={tmp_path}/merged.csv")  # fmt: skip
    assert (tmp_path / "merged.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert sum(part["segments"] for part in counts) == whole["segments"] == merged["segments"]
    assert merged.keys() == whole.keys() and whole["peak_memory_mb"] > 0
    assert counts[0]["ranking_file"] == f"{tmp_path}/1.npz"


RANKED = ("--train_dir=x", "--input_data_pattern=x", "--segment_labels")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((*RANKED, "--worker=3/2", "--ranking_file=x"), "--worker=3/2: wanted I/N"),
        ((*RANKED, "--worker=0/2", "--ranking_file=x"), "--worker=0/2: wanted I/N"),
        ((*RANKED, "--worker=2", "--ranking_file=x"), "--worker=2: wanted I/N"),
        ((*RANKED, "--worker=1/2"), "--ranking_file: not given"),
        ((*RANKED, "--worker=1/2", "--ranking_file=x", "--output_file=x"), "--output_file=x: given with --worker"),
        ((*RANKED[:2], "--worker=1/2", "--ranking_file=x"), "add --segment_labels"),
        ((*RANKED, "--output_file=x", "--ranking_file=y"), "--ranking_file=y: given without --worker"),
        (("--merge_rankings=x",), "--output_file: not given"),
        (("--merge_rankings=x", "--output_file=x", "--window_stride=1"), "--window_stride: given with"),
        (("--merge_rankings=x", "--output_file=x", "--worker=1/2"), "--worker: given with --merge_rankings"),
    ],
)
def test_flags_that_exclude_each_other(flags, words):
    result = commands.run("inference", *flags)
    assert (result.status, result.stdout, len(result.stderr.splitlines())) == (2, "", 1), result.stderr
    assert words in result.stderr
