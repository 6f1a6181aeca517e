"""The command `pseudo_label`: from a ranking to shards that phase 2 trains on together with rated shards."""

import functools
import os
import resource
import sys

import numpy as np
import pytest

from tests import commands
from tests.training import runs
from yt8m_attention.config import RATED_HOLDOUT
from yt8m_attention.data import holdout, rating_reader
from yt8m_attention.data.formats import label_ids, writer
from yt8m_attention.data.shard_dataset import ShardDataset
from yt8m_attention.ensembling import pseudo_label_files, pseudo_labels
from yt8m_attention.errors import UserError

FEATURES = ("--feature_names=rgb,audio", "--feature_sizes=24,8", "--num_classes=6")


def ranking(planted, split, classes, seed=0):
    """{class: `video:start` of all windows of a split, in random order}."""
    data = runs.small(planted, "none").data
    source, names = ShardDataset(f"{planted}/{split}/*.tfrecord", "input_data_pattern", data, "windows"), []
    for number in range(len(source.paths)):
        shard, items = source.index_and_items(number)
        names += [f"{shard.ids[r].decode()}:{s}" for r, s in zip(items.record, items.start, strict=True)]
    rng = np.random.default_rng(seed)
    return {c: rng.permutation(names).tolist() for c in classes}


def write_csv(path, ranked):
    rows = (f"{c},{' '.join(names)}\n" for c, names in ranked.items())
    path.write_text("Class,Segments\n" + "".join(rows))
    return path


@pytest.fixture(scope="module")
def ranked(planted):
    return ranking(planted, "train", label_ids.read(planted / "segment_label_ids.csv"))


@pytest.fixture
def csv(ranked, tmp_path):
    return write_csv(tmp_path / "segments.csv", ranked)


def flags(planted, csv, out, *more, split="train"):
    return (f"--submission_file={csv}", f"--input_data_pattern={planted}/{split}/*.tfrecord", f"--output_dir={out}",
            "--positives=5", "--negatives=4", *FEATURES, "--quiet", *more)  # fmt: skip


def pairs(pattern):
    found = rating_reader.read_ratings(str(pattern))
    return set(zip(*(part.tolist() for part in found[:4]), strict=True))


def expected(ranked, positives=5, negatives=4, fraction=RATED_HOLDOUT):
    """The expected pairs, by a direct computation."""
    result = set()
    for c, names in ranked.items():
        split = [(name.split(":")[0].encode(), int(name.split(":")[1])) for name in names]
        left = [name for name in split if not holdout.in_holdout(name[0], fraction)]
        result |= {(*name, c, 1) for name in left[:positives]} | {(*name, c, 0) for name in left[-negatives:]}
    return result


def files(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*")}


def test_the_shards_hold_the_best_and_the_last_and_no_held_out_video(planted, ranked, csv, tmp_path):
    result = commands.succeed("pseudo_label", *flags(planted, csv, tmp_path / "pseudo"))
    found = pairs(f"{tmp_path}/pseudo/*.tfrecord")
    assert found == expected(ranked)
    assert not any(holdout.in_holdout(video_id, RATED_HOLDOUT) for video_id, *_ in found)
    assert (result["positives"], result["negatives"], result["classes"], result["short_classes"]) == (20, 16, 4, 0)
    assert result["videos"] == len({pair[0] for pair in found})
    assert result["segments"] == len({pair[:2] for pair in found})
    assert (result["unknown_segments"], result["skipped_segments"], result["ratings"]) == (0, 0, 0)
    assert result["output_dir"] == f"{tmp_path}/pseudo"
    everything = commands.succeed("pseudo_label", *flags(planted, csv, tmp_path / "all", "--holdout_fraction=0"))
    assert pairs(f"{tmp_path}/all/*.tfrecord") == expected(ranked, fraction=0) and everything["positives"] == 20


def test_human_ratings_win(planted, tmp_path):
    """The ranking contains rated videos. Human ratings stay, and rated pairs get no pseudo-label."""
    people = pairs(f"{planted}/test/*.tfrecord")
    ranked = ranking(planted, "test", label_ids.read(planted / "segment_label_ids.csv"))
    csv = write_csv(tmp_path / "segments.csv", ranked)
    result = commands.succeed("pseudo_label", *flags(planted, csv, tmp_path / "pseudo", split="test"))
    found = pairs(f"{tmp_path}/pseudo/*.tfrecord")
    known, written = {pair[:3] for pair in people}, {pair[0] for pair in found}
    assert {pair for pair in found if pair[:3] in known} == {pair for pair in people if pair[0] in written}
    added = {pair for pair in expected(ranked) if pair[:3] not in known}
    assert found - people == added and result["already_rated"] == 36 - len(added) > 0


def test_phase_2_trains_on_both_and_holds_out_no_pseudo_label(planted, csv, tmp_path):
    commands.succeed("pseudo_label", *flags(planted, csv, tmp_path / "pseudo"))
    both = f"--train_data_pattern={planted}/validate/*.tfrecord,{tmp_path}/pseudo/*.tfrecord"
    results = {}
    for name, more in {"rated": (), "both": (both,)}.items():
        train = runs.flags(planted, tmp_path / name, "--segment_labels", "--max_steps=2", *more, split="validate")
        # Without a file of class ids, training finds the rated classes itself.
        results[name] = commands.run("train", *[flag for flag in train if "label_ids" not in flag])
        assert results[name].status == 0, results[name].stderr
        assert results[name].json["step"] == 2
    counts = {name: _rated_pairs(result.stderr) for name, result in results.items()}
    assert counts["both"] == counts["rated"] + 36
    held_out = {pair for pair in pairs(f"{tmp_path}/pseudo/*.tfrecord") if holdout.in_holdout(pair[0], 0.1)}
    assert not held_out


def _rated_pairs(log):
    return next(int(line.split(" rated pairs")[0].split()[-1].replace(",", "")) for line in log.splitlines()
                if " rated pairs" in line)  # fmt: skip


def test_ranked_segments_that_cannot_be_labelled_are_counted(planted, ranked, tmp_path):
    c = min(ranked)
    first, *rest = ranked[c]
    beyond = first.split(":")[0] + ":0" + 30 * "9"
    zero = first.replace(":", "\0:")  # an id that no record has
    csv = write_csv(tmp_path / "s.csv", ranked | {c: ["none:5", zero, beyond, *rest]})
    result = commands.succeed("pseudo_label", *flags(planted, csv, tmp_path / "pseudo", "--holdout_fraction=0"))
    assert (result["unknown_segments"], result["skipped_segments"]) == (2, 1)
    assert (result["classes"], result["positives"], result["negatives"]) == (4, 17, 16)


def test_a_class_that_ranks_too_few_segments_is_logged(planted, ranked, tmp_path):
    a, b, *_ = ranked
    csv = write_csv(tmp_path / "s.csv", {a: ranked[a], b: ranked[b][:8]})
    given = [flag for flag in flags(planted, csv, tmp_path / "pseudo", "--holdout_fraction=0") if flag != "--quiet"]
    result = commands.run("pseudo_label", *given)
    assert result.status == 0 and result.json["short_classes"] == 1
    assert "1 classes rank too few segments for --positives=5 and --negatives=4" in result.stderr
    assert f"the first is {b}" in result.stderr
    assert {pair[2] for pair in pairs(f"{tmp_path}/pseudo/*.tfrecord")} == {a}


def test_the_same_call_writes_nothing_and_another_is_refused(planted, csv, tmp_path):
    out = tmp_path / "pseudo"
    first = commands.succeed("pseudo_label", *flags(planted, csv, out))
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert commands.succeed("pseudo_label", *flags(planted, csv, out)) == first
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before
    for more in ("--positives=6", "--holdout_fraction=0.2"):
        other = commands.run("pseudo_label", *flags(planted, csv, out, more))
        assert other.status == 2 and "other arguments" in other.stderr and f"--output_dir={out}" in other.stderr
    csv.write_text(csv.read_text().replace("Class", "class"))
    os.utime(csv, (1, 1))
    assert "other arguments" in commands.run("pseudo_label", *flags(planted, csv, out)).stderr
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_a_directory_of_another_command_is_refused(planted, csv, tmp_path):
    result = commands.run("pseudo_label", *flags(planted, csv, planted / "test"))
    assert result.status == 2 and "neither empty nor made by this command" in result.stderr
    assert not (planted / "test/pseudo_label.json").exists()


def test_shards_are_not_written_among_the_input_files(planted, csv):
    before = files(planted / "train")
    result = commands.run("pseudo_label", *flags(planted, csv, planted / "train"))
    assert result.status == 2 and "train0000.tfrecord of --input_data_pattern is in it" in result.stderr
    assert files(planted / "train") == before


def test_a_second_call_does_not_touch_the_shards_of_the_first(planted, csv, tmp_path, monkeypatch):
    """The second call meets the first while it writes, or just before its end."""
    whole = pseudo_label_files.write(_job(planted, csv, tmp_path / "whole"))
    job, met, write_shard = _job(planted, csv, tmp_path / "pseudo"), [], writer.write_shard

    def write_and_meet(path, records):
        write_shard(path, records)
        with pytest.raises(UserError, match=r"--output_dir=.*: another run is writing there; wait") as caught:
            pseudo_label_files.write(job)
        met.append(caught)

    monkeypatch.setattr(writer, "write_shard", write_and_meet)
    first = pseudo_label_files.write(job)
    assert len(met) == first["shards"] > 1
    monkeypatch.undo()
    seen, result = [None], pseudo_label_files.OutputDirectory.result
    monkeypatch.setattr(pseudo_label_files.OutputDirectory, "result", lambda made: seen.pop() if seen else result(made))
    assert pseudo_label_files.write(job) == first == whole | {"output_dir": job.output_dir}
    assert files(tmp_path / "pseudo") == files(tmp_path / "whole")


def _file_sizes_end_at(size):
    sys.dont_write_bytecode = True  # otherwise Python writes truncated .pyc files
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_full_disk_leaves_no_output(planted, csv, tmp_path):
    limit = functools.partial(_file_sizes_end_at, 8000)
    given = flags(planted, csv, tmp_path / "pseudo", "--index_dir=none")
    result = commands.run("pseudo_label", *given, setup=limit)
    assert result.status == 2 and "cannot be written" in result.stderr and len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "pseudo").exists()


def _job(planted, csv, out):
    rule = pseudo_labels.Rule(5, 4)
    return pseudo_label_files.PseudoLabelJob(
        str(csv), f"{planted}/train/*.tfrecord", runs.small(planted, "none").data, str(out), rule
    )


class Killed(BaseException):
    """Stands for SIGKILL."""


@pytest.mark.parametrize("begun", [True, False])
def test_the_output_of_a_killed_run_is_written_again(planted, csv, tmp_path, monkeypatch, begun):
    whole = pseudo_label_files.write(_job(planted, csv, tmp_path / "whole"))
    out, write_shard = tmp_path / "pseudo", writer.write_shard

    def write_and_die(path, records):
        write_shard(path, records)
        (out / ".train0001.tfrecord.7.partial").write_bytes(b"half")
        raise Killed

    monkeypatch.setattr(writer, "write_shard", write_and_die)
    if begun:  # the cleanup did not run
        monkeypatch.setattr(pseudo_label_files, "_clear", lambda *_: None)
        monkeypatch.setattr(pseudo_label_files.OutputDirectory, "unmark", lambda _: None)
    with pytest.raises(Killed):
        pseudo_label_files.write(_job(planted, csv, out))
    assert out.exists() == begun
    if begun:
        (out / "train0009.tfrecord").write_bytes(b"of other flags")
    monkeypatch.undo()
    assert pseudo_label_files.write(_job(planted, csv, out)) == whole | {"output_dir": str(out)}
    assert files(out) == files(tmp_path / "whole")


def _wrong(planted, ranked, csv, tmp_path):
    """{name of the fault: (flags, part of the message)}."""
    good = flags(planted, csv, tmp_path / "pseudo")
    short, far = (write_csv(tmp_path / name, of) for name, of in (
        ("short.csv", {c: names[:8] for c, names in ranked.items()}), ("far.csv", {77: ranked[min(ranked)]}),
    ))  # fmt: skip
    foreign = write_csv(tmp_path / "foreign.csv", {1: [f"none:{s}" for s in range(9)]})
    damaged = tmp_path / "damaged.csv"
    damaged.write_text("Class,Segments\n1,abcd:5 abcd\n")
    bad = tmp_path / "zzz.tfrecord"  # sorts after the good shards
    bad.write_text("This is no TFRecord file, though it is long enough for the header of one.")
    return {
        "no ranking": (good[1:], "--submission_file: not given"),
        "no files": ((good[0], *good[2:]), "--input_data_pattern: not given"),
        "no directory": ((*good[:2], *good[3:]), "--output_dir: not given"),
        "no such ranking": ((*good, "--submission_file=/nowhere.csv"), "/nowhere.csv: cannot be read"),
        "a damaged ranking": ((*good, f"--submission_file={damaged}"), "damaged.csv, line 2: class 1: found 'abcd'"),
        "no such files": ((*good, "--input_data_pattern=/nowhere/*"), "--input_data_pattern=/nowhere/*"),
        "a bad file": ((*good, f"--input_data_pattern={planted}/train/*.tfrecord,{bad}"), "zzz.tfrecord: offset 0"),
        "other features": ((*good, "--feature_sizes=24,9"), "--feature_sizes"),
        "video level": ((*good, f"--input_data_pattern={planted}/video/train/*.tfrecord"), "frame-level"),
        "nothing found": ((*good, f"--submission_file={foreign}"), "gives no segment of "),
        "rankings too short": ((*good, f"--submission_file={short}"), "no class ranks enough segments for --pos"),
        "a class beyond": ((*good, f"--submission_file={far}"), "far.csv: has class 77, wanted less than --num_"),
        "a rank among the positives": ((*good, "--negatives_from=5"), "--negatives_from=5"),
        "a bucket": ((*good, "--output_dir=gs://bucket/pseudo"), "--output_dir=gs://bucket/pseudo"),
        "a file as directory": ((*good, f"--output_dir={csv}"), f"--output_dir={csv}"),
    }  # fmt: skip


def test_wrong_use_is_one_line_and_writes_nothing(planted, ranked, csv, tmp_path):
    failures = {}
    for name, (given, words) in _wrong(planted, ranked, csv, tmp_path).items():
        result = commands.run("pseudo_label", *given)
        if result.status != 2 or len(result.stderr.splitlines()) != 1 or words not in result.stderr or result.stdout:
            failures[name] = result
    assert not failures
    assert not (tmp_path / "pseudo").exists() and csv.read_text().startswith("Class,")


def test_a_ranking_that_inference_wrote_is_read(planted, tmp_path):
    commands.succeed("train", *runs.flags(planted, tmp_path / "run", "--max_steps=1"))
    commands.succeed("inference", f"--input_data_pattern={planted}/train/*.tfrecord", f"--train_dir={tmp_path}/run",
                     "--segment_labels", f"--output_file={tmp_path}/segments.csv")  # fmt: skip
    spread = ("--negatives_from=20", "--max_per_video=1")
    result = commands.succeed("pseudo_label", *flags(planted, tmp_path / "segments.csv", tmp_path / "pseudo", *spread))
    assert (result["positives"], result["negatives"]) == (20, 16)
    found = pairs(f"{tmp_path}/pseudo/*.tfrecord")
    for c in {pair[2] for pair in found}:
        for score, count in ((1, 5), (0, 4)):
            assert len({video_id for video_id, _, *rest in found if rest == [c, score]}) == count
