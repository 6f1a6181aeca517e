"""Checkpoints are complete or absent, damage is noticed, the best is kept."""

import numpy as np
import pytest

from yt8m_attention.errors import UserError
from yt8m_attention.training import checkpoints

ARRAYS = {"model/a": np.arange(6, dtype=np.float32).reshape(2, 3), "optimizer/n": np.array(3, np.int64)}


def _save(folder, *steps):
    return [checkpoints.save(str(folder), step, ARRAYS, {"step": step}) for step in steps]


def test_what_is_saved_comes_back(tmp_path):
    (path,) = _save(tmp_path, 7)
    arrays, meta = checkpoints.load(path)
    assert meta == {"step": 7}
    assert arrays.keys() == ARRAYS.keys()
    for name in ARRAYS:
        np.testing.assert_array_equal(arrays[name], ARRAYS[name])
        assert arrays[name].dtype == ARRAYS[name].dtype
    assert [p.name for p in tmp_path.joinpath("checkpoints").iterdir()] == ["step-00000007.npz"]


@pytest.mark.parametrize("damage", ["truncated", "empty", "something else"])
def test_a_damaged_checkpoint_is_passed_over_and_said(tmp_path, capsys, damage):
    first, second = _save(tmp_path, 1, 2)
    with open(second, "rb") as file:
        data = file.read()
    broken = {"truncated": data[:-40], "empty": b"", "something else": b"not an archive"}[damage]
    with open(second, "wb") as file:
        file.write(broken)
    path, _, meta = checkpoints.load_newest(str(tmp_path))
    assert path == first and meta == {"step": 1}
    assert second in capsys.readouterr().err


def test_every_flipped_byte_of_the_data_is_noticed(tmp_path):
    (path,) = _save(tmp_path, 1)
    with open(path, "rb") as file:
        whole = file.read()
    at = whole.index(ARRAYS["model/a"].tobytes())
    for offset in range(at, at + 24):
        with open(path, "wb") as file:
            file.write(whole[:offset] + bytes([whole[offset] ^ 1]) + whole[offset + 1 :])
        with pytest.raises(UserError, match="damaged"):
            checkpoints.load(path)


def test_newest_few_and_the_best_are_kept(tmp_path):
    _save(tmp_path, 1, 2, 3, 4, 5)
    for step, value in ((1, 0.2), (2, 0.9), (3, 0.9), (4, 0.4)):
        checkpoints.note_score(str(tmp_path), step, "segment_map", value)
    checkpoints.prune(str(tmp_path), keep=2)
    assert sorted(p.name for p in tmp_path.joinpath("checkpoints").iterdir()) == [
        "step-00000002.npz", "step-00000004.npz", "step-00000005.npz",
    ]  # fmt: skip
    assert checkpoints.resolve(str(tmp_path), "train_dir").endswith("step-00000002.npz")
    assert checkpoints.resolve(str(tmp_path), "train_dir", "last").endswith("step-00000005.npz")


def test_a_place_without_checkpoints_is_told(tmp_path):
    with pytest.raises(UserError, match=r"--init_checkpoint=.*holds no checkpoint"):
        checkpoints.resolve(str(tmp_path), "init_checkpoint")
    with pytest.raises(UserError, match="does not exist"):
        checkpoints.resolve(str(tmp_path / "nowhere"), "train_dir")


def test_an_interrupted_save_leaves_the_former_file(tmp_path, monkeypatch):
    _save(tmp_path, 1)

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(UserError, match="No space left"):
        _save(tmp_path, 1)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.joinpath("checkpoints").iterdir()] == ["step-00000001.npz"]
    assert checkpoints.load_newest(str(tmp_path))[2] == {"step": 1}
