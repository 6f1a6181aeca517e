"""Scores written in parts: the same arrays as from numpy, complete or absent, in bounded memory."""

import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yt8m_attention.errors import UserError
from yt8m_attention.inference.scores_writer import ScoresWriter

CLASSES = np.array([4, 1, 9])


@given(sizes=st.lists(st.integers(0, 5), max_size=6))
def test_the_file_holds_all_scores(tmp_path_factory, sizes):
    path = tmp_path_factory.mktemp("scores") / "s.npz"
    scores = np.random.default_rng(1).random((sum(sizes), 3), np.float32)
    ids, starts = np.array([f"v{n:0{n + 1}}" for n in range(len(scores))], object), np.arange(len(scores)) * 5
    writer = ScoresWriter(str(path), CLASSES)
    for part in np.split(np.asfortranarray(scores), np.cumsum(sizes)[:-1]) if sizes else []:
        writer.add(part)
    assert os.listdir(path.parent) == []
    writer.save(ids, starts)
    with np.load(path, allow_pickle=False) as saved:
        found = dict(saved)
    for name, array in {"ids": ids.astype(bytes), "starts": starts, "classes": CLASSES, "scores": scores}.items():
        np.testing.assert_array_equal(found.pop(name), array, strict=name != "ids")
    assert not found and os.listdir(path.parent) == ["s.npz"]


def test_memory_is_that_of_a_part(tmp_path):
    part = np.zeros((1 << 18, 3), np.float32)  # 3 MiB
    tracemalloc.start()
    writer = ScoresWriter(str(tmp_path / "s.npz"), CLASSES)
    for _ in range(20):
        writer.add(part)
    writer.save(np.full(20 << 18, b"v"), np.zeros(20 << 18, np.int8))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert os.path.getsize(tmp_path / "s.npz") > 60 << 20 and peak < 30 << 20


def test_a_file_that_cannot_be_written_is_named_at_once(tmp_path):
    with pytest.raises(UserError, match=r"none/s\.npz: cannot be written: No such file"):
        ScoresWriter(str(tmp_path / "none/s.npz"), CLASSES)
