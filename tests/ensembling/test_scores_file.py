"""Files of scores: a wrong file is refused on loading; a right file is read by rows, in any dtype and layout."""

import numpy as np
import pytest

from yt8m_attention.ensembling import scores_file
from yt8m_attention.errors import UserError

GOOD = {
    "ids": np.array([b"a", b"b"]),
    "starts": np.array([0, 5]),
    "classes": np.array([3, 1, 7]),
    "scores": np.arange(6.0).reshape(2, 3),
}
WRONG = [
    {"ids": np.array([b"a"])},
    {"ids": np.array([1, 2])},
    {"ids": np.array([b"a", b"\xff"])},
    {"ids": np.array(b"a")},
    {"starts": np.array([0.0, np.nan])},
    {"starts": np.array(["0", "5"])},
    {"starts": np.array([0, 5, 10])},
    {"ids": np.array([b"a", b"a"]), "starts": np.array([5, 5])},
    {"classes": np.array([3, 1])},
    {"classes": np.array([3, 1, 3])},
    {"classes": np.array([3, 1, -7])},
    {"classes": np.array(["a", "b", "c"])},
    {"scores": np.full((2, 3), np.nan)},
    {"scores": np.full((2, 3), np.inf)},
    {"scores": np.full((2, 3), 1e300)},
    {"scores": np.zeros((2, 3), complex)},
    {"scores": np.zeros(6)},
]


@pytest.mark.parametrize("changed", WRONG, ids=str)
def test_a_wrong_file_is_refused(tmp_path, changed):
    path = tmp_path / "scores.npz"
    np.savez(path, **GOOD | changed)
    with pytest.raises(UserError, match=f"--inputs: {path}: ") as error:
        scores_file.load(str(path))
    assert "\n" not in str(error.value)


def test_ids_are_bytes_however_they_were_saved(tmp_path):
    for ids in (np.array(["a", "\u00e9"]), np.array([b"a", "\u00e9".encode()])):
        np.savez(tmp_path / "scores.npz", **GOOD | {"ids": ids})
        found = scores_file.load(str(tmp_path / "scores.npz"))
        assert found.ids.tolist() == [b"a", "\u00e9".encode()]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("form", [np.float32, ">f8", np.int16, np.asfortranarray])
def test_scores_of_any_segments_and_classes_in_any_dtype_and_layout(tmp_path, save, form):
    random = np.random.default_rng(0)
    scores = random.integers(-9, 9, (30, 5))
    ids, starts = np.repeat([b"v%d" % i for i in range(6)], 5), np.tile(np.arange(0, 25, 5), 6)
    saved = form(scores) if form is np.asfortranarray else scores.astype(form)
    save(tmp_path / "scores.npz", ids=ids, starts=starts, classes=[7, 3, 9, 1, 4], scores=saved)
    found = scores_file.load(str(tmp_path / "scores.npz"))
    assert len(found) == 30
    rows = random.integers(0, 30, 50)
    rows_of_scores = found.take(ids[rows], starts[rows], np.array([1, 7]))
    assert rows_of_scores.dtype == np.float32
    np.testing.assert_array_equal(rows_of_scores, scores[rows][:, [3, 0]])
    columns = random.integers(0, 5, 50)
    classes = found.classes[columns]
    np.testing.assert_array_equal(found.pick(ids[rows], starts[rows], classes), scores[rows, columns])
    with pytest.raises(UserError, match="has no score of segment v1:7"):
        found.take(np.array([b"v0", b"v1"]), np.array([0, 7]), found.classes)


def test_scores_stay_in_the_file(tmp_path):
    np.savez(tmp_path / "scores.npz", **GOOD)
    assert isinstance(scores_file.load(str(tmp_path / "scores.npz"))._scores, np.memmap)


def test_a_changed_byte_is_noticed(tmp_path):
    """The memory map bypasses zipfile, which compares checksums."""
    path = tmp_path / "scores.npz"
    np.savez(path, **GOOD)
    raw = bytearray(path.read_bytes())
    raw[raw.index(GOOD["scores"].tobytes()) + 20] ^= 1
    path.write_bytes(raw)
    with pytest.raises(UserError, match=f"--inputs: {path}: is no file of scores"):
        scores_file.load(str(path))
