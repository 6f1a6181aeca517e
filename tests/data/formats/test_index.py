import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.record_helpers import FEATURES, data, frames_of, video, write
from yt8m_attention import config
from yt8m_attention.data import pipeline
from yt8m_attention.data.formats import index, index_file, records


def fresh(path, **changes):
    """Reads the index like a new process."""
    index._index.cache_clear()
    return index.shard_index(path, FEATURES, index_path=index_file.place(path, changes.get("index_dir")))


def equal(one, other):
    arrays = [(getattr(one, name), getattr(other, name)) for name in index.ARRAYS]
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in arrays)


def count_decoded(monkeypatch):
    """A list that gains an entry for each decoded record."""
    seen, decode = [], records.decode
    monkeypatch.setattr(records, "decode", lambda *args: seen.append(args) or decode(*args))
    return seen


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "a", [video(n, 3 + n, [n], [(0, n, 1)] * (n % 2)) for n in range(6)])


def test_an_index_is_read_back_as_it_was_made(path, monkeypatch):
    seen = count_decoded(monkeypatch)
    made = fresh(path)
    assert len(seen) == 6
    kept = fresh(path)
    assert len(seen) == 6 and equal(made, kept) and kept.stamp == made.stamp


def test_an_index_lies_beside_the_shard_or_where_asked_or_nowhere(path, tmp_path):
    assert index_file.place(path, None) == str(tmp_path / ".a.index")
    elsewhere = index_file.place(path, "/dir")
    assert elsewhere.startswith("/dir/a.") and elsewhere != index_file.place("/other/a", "/dir")
    fresh(path, index_dir="none")
    assert os.listdir(tmp_path) == ["a"]
    fresh(path)
    assert sorted(os.listdir(tmp_path)) == [".a.index", "a"]
    # The pattern `*` does not match the index file.
    assert pipeline.summarise(f"{tmp_path}/*", data()).videos == 6


def test_an_index_of_another_file_or_other_features_is_rebuilt(path, monkeypatch):
    seen = count_decoded(monkeypatch)
    fresh(path)
    index.shard_index(path, config.Features(("rgb",), (3,)), index_path=index_file.place(path, None))
    assert len(seen) == 12
    fresh(path)
    assert len(seen) == 18
    write(path, [video(9, 4)])
    assert fresh(path).ids.tolist() == [b"v0009"]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_damaged_index_is_rebuilt(tmp_path_factory, draw):
    path = write(tmp_path_factory.mktemp("damaged") / "a", [video(n, 3, [n]) for n in range(3)])
    made, place = fresh(path), index_file.place(path, None)
    with open(place, "rb") as file:
        raw = bytearray(file.read())
    raw[draw.draw(st.integers(0, len(raw) - 1))] ^= draw.draw(st.integers(1, 255))
    with open(place, "wb") as file:
        file.write(raw[: draw.draw(st.integers(0, len(raw)))])
    assert equal(fresh(path), made)


def test_a_directory_for_indices_is_made_and_where_it_cannot_be_nothing_is_kept(path, tmp_path, monkeypatch):
    seen = count_decoded(monkeypatch)
    for _ in range(2):
        fresh(path, index_dir=str(tmp_path / "new" / "one"))
    assert len(seen) == 6
    (tmp_path / "file").touch()
    for _ in range(2):
        assert len(fresh(path, index_dir=str(tmp_path / "file"))) == 6
    assert len(seen) == 18


def test_frames_are_the_same_through_an_index_that_was_kept(path):
    everything = data(sampling=config.Sampling("all", trim_frames=0, max_frames=20))
    for _ in range(2):
        index._index.cache_clear()
        (batch,) = pipeline.evaluation_batches(path, everything, 9)
        for number, (frames, mask) in enumerate(zip(batch["frames"].numpy(), batch["mask"].numpy(), strict=True)):
            np.testing.assert_array_equal(frames[mask], frames_of(number, 3 + number))
