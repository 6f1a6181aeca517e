"""Damaged data: errors name file and offset; records are skipped only on request."""

import os
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import commands
from tests.data.record_helpers import context, data, feature_lists, frames_of, sequence_example, video, write
from tests.training import runs
from yt8m_attention import config, progress
from yt8m_attention.data import pipeline
from yt8m_attention.data.formats import tfrecord
from yt8m_attention.data.formats.bad_records import BadRecord, BadRecords
from yt8m_attention.errors import UserError

MANY = 9
EVERY = config.Sampling("all", trim_frames=0, max_frames=20)


def ids(path, **changes):
    """Ids of the videos, read in file order."""
    batches = pipeline.evaluation_batches(str(path), data(sampling=EVERY, index_dir="none", **changes), 4)
    return [i.decode() for b in batches for i in b["id"].numpy()]


def shard(path, records=None):
    """Returns (path, bytes of the file, spans of its records)."""
    path = write(path, records or [video(n, 5 + n) for n in range(MANY)])
    with open(path, "rb") as file:
        raw = bytearray(file.read())
    return path, raw, tfrecord.record_spans(path, bytes(raw))[0]


def name(number):
    return f"v{number:04}"


def damaged(number):
    """A record with frames of several sizes, whose list has the length of equal frames."""
    lists = feature_lists(frames_of(0, 4))
    for frame, size in zip(lists["rgb"].feature, (3, 1, 5, 3), strict=True):
        frame.bytes_list.value[0] = bytes(size)
    return sequence_example(context(name(number), [1]), lists)


def breakages(raw, spans, number):
    """{kind: bytes of a file with that record damaged}."""
    start, end = spans[number].tolist()
    flipped, header, nonsense = bytearray(raw), bytearray(raw), bytearray(raw)
    flipped[end - 1] ^= 1  # of the last frame
    header[start - 12] ^= 1
    nonsense[start : start + 4] = b"\xff" * 4
    return {"flipped": flipped, "header": header, "nonsense": nonsense}


@pytest.mark.parametrize("kind", ["flipped", "header", "nonsense"])
@settings(max_examples=6, deadline=None)
@given(number=st.integers(0, MANY - 1))
def test_a_bad_record_stops_or_is_skipped(tmp_path_factory, kind, number):
    path, raw, spans = shard(tmp_path_factory.mktemp("bad") / "a")
    with open(path, "wb") as file:
        file.write(breakages(raw, spans, number)[kind])
    offset = spans[number, 0] - (12 if kind == "header" else 0)
    with pytest.raises(UserError, match=f"/a: offset {offset}: "):
        ids(path, verify_crc=True)
    assert ids(path, verify_crc=True, max_bad_records=1) == [name(n) for n in range(MANY) if n != number]


def test_without_verification_a_flipped_byte_of_a_frame_passes(tmp_path):
    path, raw, spans = shard(tmp_path / "a")
    with open(path, "wb") as file:
        file.write(breakages(raw, spans, 3)["flipped"])
    assert len(ids(path)) == MANY


def test_frames_of_several_sizes_are_a_bad_record(tmp_path):
    path = write(tmp_path / "a", [video(0, 5), damaged(1), video(2, 5)])
    with pytest.raises(UserError, match=r"/a: offset \d+: record 'v0001': rgb has [15] features"):
        ids(path)
    assert ids(path, max_bad_records=1) == [name(0), name(2)]


def test_a_truncated_file_loses_only_its_last_record(tmp_path):
    path, _, spans = shard(tmp_path / "a")
    os.truncate(path, spans[-1, 1] - 7)
    with pytest.raises(UserError, match=rf"/a: offset {spans[-1, 0]}: the file ends within a record"):
        ids(path)
    assert ids(path, max_bad_records=1) == [name(n) for n in range(MANY - 1)]


def test_a_file_of_another_kind_or_an_empty_one_is_never_skipped(tmp_path):
    shard(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"a text, not records, and long enough for a header")
    with pytest.raises(UserError, match=r"/b: offset 0: not a TFRecord file"):
        ids(tmp_path / "*", max_bad_records=99)
    (tmp_path / "b").write_bytes(b"")
    with pytest.raises(UserError, match="/b is empty"):
        ids(tmp_path / "*", max_bad_records=99)


def test_too_many_bad_records_stop_and_others_are_counted_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress, "quiet", False)
    path = write(tmp_path / "a", [video(0, 5), damaged(1), video(2, 5), damaged(3), video(4, 5)])
    with pytest.raises(UserError, match="record 'v0003'"):
        ids(path, max_bad_records=1)
    assert ids(path, max_bad_records=2) == [name(0), name(2), name(4)]
    assert "2 bad records skipped" in capsys.readouterr().err
    counted = BadRecords(2)
    phase = config.Phase(batch_size=2, num_epochs=3)
    settings = data(sampling=EVERY, index_dir="none", max_bad_records=2)
    batches = list(pipeline.training_batches(path, settings, phase, 0, bad_records=counted))
    assert [len(b["mask"]) for b in batches] == [2, 2, 2, 2, 1] and len(counted) == 2


def test_train_counts_what_it_skipped(tmp_path):
    write(tmp_path / "a", [damaged(n) if n in (1, 5) else video(n, 5, [n]) for n in range(MANY)])
    flags = [f"--train_data_pattern={tmp_path}/a", "--feature_names=rgb,audio", "--feature_sizes=3,2",
             "--num_classes=12", *runs.flags_of(runs.PLAIN), "--batch_size=4", "--num_frames=4", "--num_epochs=2",
             "--verify_crc", f"--index_dir={tmp_path}/indices", "--holdout_fraction=0"]  # fmt: skip
    stopped = commands.run("train", *flags, f"--train_dir={tmp_path}/1")
    assert stopped.status == 2
    assert re.search(r"/a: offset \d+: record 'v000[15]': rgb has [15] features per frame", stopped.stderr)
    result = commands.run("train", *flags, f"--train_dir={tmp_path}/2", "--max_bad_records=2")
    assert result.status == 0, result.stderr
    assert (result.json["bad_records"], result.json["step"]) == (2, 4)
    assert "2 bad records skipped" in result.stderr


def test_data_of_only_bad_records_ends(tmp_path):
    path = write(tmp_path / "a", [damaged(0)])
    settings = data(sampling=EVERY, index_dir="none", max_bad_records=2)
    with pytest.raises(UserError, match="holds no videos"):
        list(pipeline.training_batches(path, settings, config.Phase(batch_size=2, max_steps=1), 0))


def test_message_of_one_bad_record_too_many():
    bad = BadRecords(1)
    bad.add(BadRecord("a", 3, "is bad"))
    bad.add(BadRecord("a", 3, "is bad"))
    with pytest.raises(UserError, match=r"^a: offset 7: is worse"):
        bad.add(BadRecord("a", 7, "is worse"))


@pytest.mark.parametrize("change", ["replaced", "cut", "removed"])
def test_a_shard_that_changes_during_a_run_is_an_error(tmp_path, change):
    path, raw, spans = shard(tmp_path / "a")
    phase = config.Phase(batch_size=MANY, max_steps=1)
    batches = iter(pipeline.training_batches(path, data(sampling=EVERY), phase, 0))
    next(batches)
    if change == "replaced":
        write(tmp_path / "b", [video(n, 30) for n in range(MANY)])
        os.replace(tmp_path / "b", path)
    elif change == "cut":
        os.truncate(path, spans[-1, 0])
    else:
        os.remove(path)
    expected = {
        "replaced": "/a: was changed while it was read; start again",
        "cut": f"/a: was changed while it was read, and ends at offset {spans[-1, 0]} instead of {len(raw)}; start",
        "removed": "/a: cannot be read: No such file",
    }
    with pytest.raises(UserError, match=expected[change]):
        for _ in range(9):  # some batches are prefetched
            next(batches)


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(0, MANY - 1), min_size=1, max_size=4), st.integers(1, 5), st.integers(0, 3), st.data())
def test_a_stream_with_bad_records_goes_on_from_any_position(tmp_path_factory, bad, batch_size, shuffle_shards, draw):
    folder = tmp_path_factory.mktemp("resumed")
    for first in range(0, MANY, 3):
        write(folder / str(first), [damaged(n) if n in bad else video(n, 5) for n in range(first, first + 3)])
    settings = data(sampling=EVERY, index_dir="none", max_bad_records=4, shuffle_shards=shuffle_shards)
    phase = config.Phase(batch_size=batch_size, num_epochs=2)

    def frames(position=None):
        found = pipeline.training_batches(f"{folder}/*", settings, phase, 1, position)
        return [(b["frames"].numpy(), b["position"].numpy()) for b in found]

    whole = frames()
    assert sum(len(f) for f, _ in whole) == 2 * (MANY - len(bad))
    at = draw.draw(st.integers(0, len(whole) - 1))
    rest = frames(whole[at][1])
    assert len(rest) == len(whole) - at - 1
    for (one, _), (other, _) in zip(rest, whole[at + 1 :], strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=15, deadline=None)
@given(
    st.sets(st.integers(0, MANY - 1), min_size=1, max_size=4),
    st.integers(1, 2),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.data(),
)
def test_workers_leave_the_same_bad_records_out_and_their_batches_are_full(
    tmp_path_factory, bad, size, shuffle_shards, workers, others, draw
):
    folder = tmp_path_factory.mktemp("workers")
    for first in range(0, MANY, 3):
        write(folder / str(first), [damaged(n) if n in bad else video(n, 5, [n]) for n in range(first, first + 3)])
    settings = data(sampling=EVERY, index_dir="none", max_bad_records=4, shuffle_shards=shuffle_shards)
    phase = config.Phase(batch_size=size, num_epochs=2)

    def streams(many, position=None):
        found = [
            pipeline.training_batches(f"{folder}/*", settings, phase, 1, position, shard_of=(i, many))
            for i in range(many)
        ]
        return [[{name: a.numpy() for name, a in b.items()} for b in part] for part in found]

    def seen(batches):
        return [int(row.argmax()) for b in batches for row in b["labels"]]

    good = sorted(2 * [n for n in range(MANY) if n not in bad])
    parts = streams(workers)
    assert sorted(n for part in parts for n in seen(part)) == good
    full = len(good) // (size * workers)
    assert all(len(b["mask"]) == size for part in parts for b in part[:full])
    if full:
        step = draw.draw(st.integers(0, full - 1))
        assert len({tuple(part[step]["position"]) for part in parts}) == 1
        before = [n for part in parts for n in seen(part[: step + 1])]
        after = [n for part in streams(others, parts[0][step]["position"]) for n in seen(part)]
        assert sorted(before + after) == good
