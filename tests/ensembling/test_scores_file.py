"""Files of scores: what is no such file is refused where it is loaded."""

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
def test_what_cannot_be_ranked_is_refused(tmp_path, changed):
    path = tmp_path / "scores.npz"
    np.savez(path, **GOOD | changed)
    with pytest.raises(UserError, match=f"--inputs: {path}: ") as error:
        scores_file.load(str(path))
    assert "\n" not in str(error.value)


def test_ids_are_bytes_however_they_were_saved(tmp_path):
    for ids in (np.array(["a", "\u00e9"]), np.array([b"a", "\u00e9".encode()])):
        np.savez(tmp_path / "scores.npz", **GOOD | {"ids": ids})
        found = scores_file.load(str(tmp_path / "scores.npz"))
        assert found.ids.tolist() == [b"a", "\u00e9".encode()] and found.scores.dtype == np.float32
