"""Checkpoints are complete or absent; damage is detected; the best one is kept."""

import errno
import json
import os

import numpy as np
import pytest

from yt8m_attention.errors import UserError
from yt8m_attention.runs import checkpoints, held_out_scores

META = {"first_step": 0, "position": [1, 0, 8], "loss": 0.5, "finished": False}
ARRAYS = {"model/a": np.arange(6, dtype=np.float32).reshape(2, 3), "optimizer/n": np.array(3, np.int64)}


def _save(folder, *steps):
    return [checkpoints.save(str(folder), step, ARRAYS, META | {"step": step}) for step in steps]


def test_load_returns_what_was_saved(tmp_path):
    (path,) = _save(tmp_path, 7)
    arrays, meta = checkpoints.load(path)
    assert meta == checkpoints.load_meta(path) == META | {"step": 7}
    assert arrays.keys() == ARRAYS.keys()
    for name in ARRAYS:
        np.testing.assert_array_equal(arrays[name], ARRAYS[name])
        assert arrays[name].dtype == ARRAYS[name].dtype
    assert [p.name for p in tmp_path.joinpath("checkpoints").iterdir()] == ["step-00000007.npz"]


@pytest.mark.parametrize("damage", ["truncated", "empty", "something else"])
def test_a_damaged_checkpoint_is_skipped_and_logged(tmp_path, capsys, damage):
    first, second = _save(tmp_path, 1, 2)
    with open(second, "rb") as file:
        data = file.read()
    broken = {"truncated": data[:-40], "empty": b"", "something else": b"not an archive"}[damage]
    with open(second, "wb") as file:
        file.write(broken)
    path, _, meta = checkpoints.load_newest(str(tmp_path))
    assert path == first and meta["step"] == 1
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and f"skipped: {second}" in said and "renamed to" in said
    assert checkpoints.paths(str(tmp_path)) == [first]  # the next one written is the newest again
    with open(f"{second}.damaged", "rb") as file:
        assert file.read() == broken


def test_no_run_starts_if_every_checkpoint_is_damaged(tmp_path):
    """The second attempt fails too, after the first has renamed the files."""
    for path in _save(tmp_path, 2, 4, 6):
        os.truncate(path, 100)
    for _ in range(2):
        with pytest.raises(UserError, match=r"checkpoints: every checkpoint is damaged; .*--start_new_model"):
            checkpoints.load_newest(str(tmp_path))
    assert len(list(tmp_path.glob("checkpoints/*.damaged"))) == 3


@pytest.mark.parametrize("lacking", ["model/a", "step", "first_step", "position", "loss", "finished"])
def test_a_checkpoint_that_lacks_a_part_is_damaged(tmp_path, lacking):
    (path,) = _save(tmp_path, 1)
    with np.load(path) as archive:
        members = dict(archive)
    meta = json.loads(members["meta"].tobytes())
    if lacking in members:
        del members[lacking]
    else:
        del meta[lacking]
    np.savez(path, **members | {"meta": np.frombuffer(json.dumps(meta).encode(), np.uint8)})
    with pytest.raises(checkpoints.Damaged):
        checkpoints.load(path)


def test_a_checkpoint_of_an_older_version_is_read(tmp_path):
    """It has no list of its arrays."""
    path = tmp_path / "old.npz"
    np.savez(path, **ARRAYS, meta=np.frombuffer(json.dumps(META | {"step": 3}).encode(), np.uint8))
    arrays, meta = checkpoints.load(str(path))
    assert arrays.keys() == ARRAYS.keys() and meta == META | {"step": 3}


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EIO, "Input/output error")])
def test_a_temporary_error_is_not_taken_for_damage(tmp_path, monkeypatch, error):
    _save(tmp_path, 1, 2)
    before = checkpoints.paths(str(tmp_path))

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(np, "load", fail)
    with pytest.raises(UserError) as raised:
        checkpoints.load_newest(str(tmp_path))
    assert not isinstance(raised.value, checkpoints.Damaged) and checkpoints.paths(str(tmp_path)) == before


def test_every_flipped_byte_of_the_data_is_detected(tmp_path):
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
    held_out_scores.write(str(tmp_path), "segment_map", {1: 0.2, 2: 0.9, 3: 0.9, 4: 0.4})
    assert held_out_scores.best_step(held_out_scores.read(str(tmp_path))["scores"]) == 2
    checkpoints.prune(str(tmp_path), 2, [checkpoints.path_of(str(tmp_path), 2)])
    assert sorted(p.name for p in tmp_path.joinpath("checkpoints").iterdir()) == [
        "step-00000002.npz", "step-00000004.npz", "step-00000005.npz",
    ]  # fmt: skip
    found = [checkpoints.candidates(str(tmp_path), "train_dir", which) for which in ("best", "last")]
    assert [[int(path[-5]) for path in paths] for paths in found] == [[2, 4, 5], [5, 4, 2]]


@pytest.mark.parametrize("which, order", [("best", (2, 1, 4, 3)), ("last", (4, 3, 2, 1))])
def test_the_next_best_whole_checkpoint_is_taken_and_no_file_is_touched(tmp_path, capsys, which, order):
    _save(tmp_path, 1, 2, 3, 4)
    held_out_scores.write(str(tmp_path), "segment_map", {1: 0.2, 2: 0.9})
    place = str(tmp_path)
    for step in order:
        path = checkpoints.path_of(place, step)
        assert checkpoints.find(place, "train_dir", which)[0] == path
        os.truncate(path, 100)
        assert f"skipped: {path}" not in capsys.readouterr().err
    with pytest.raises(UserError, match=r"--train_dir=.*: no checkpoint is whole"):
        checkpoints.find(place, "train_dir", which)
    assert len([line for line in capsys.readouterr().err.splitlines() if line.startswith("skipped: ")]) == 4
    with pytest.raises(UserError, match="damaged"):
        checkpoints.find(path, "checkpoint")
    assert len(checkpoints.paths(place)) == 4


def test_steps_are_ordered_as_numbers_in_a_directory_with_any_name(tmp_path):
    place = f"{tmp_path}/a[1]*//"
    for step in (99_999_999, 100_000_000):
        checkpoints.save(place, step, ARRAYS, META | {"step": step})
    assert checkpoints.paths(place) == [checkpoints.path_of(place, step) for step in (100_000_000, 99_999_999)]


def test_a_directory_without_checkpoints_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"--init_checkpoint=.*holds no checkpoint"):
        checkpoints.candidates(str(tmp_path), "init_checkpoint")
    with pytest.raises(UserError, match="does not exist"):
        checkpoints.candidates(str(tmp_path / "nowhere"), "train_dir")


def test_an_interrupted_save_leaves_the_former_file(tmp_path, monkeypatch):
    _save(tmp_path, 1)

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(UserError, match="No space left"):
        _save(tmp_path, 1)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.joinpath("checkpoints").iterdir()] == ["step-00000001.npz"]
    assert checkpoints.load_newest(str(tmp_path))[2]["step"] == 1


def test_a_file_that_cannot_be_removed_is_an_error(tmp_path):
    _save(tmp_path, 2)
    (tmp_path / "checkpoints/step-00000001.npz").mkdir()
    with pytest.raises(UserError, match=r"step-00000001\.npz: cannot be removed"):
        checkpoints.prune(str(tmp_path), 1, [])
