"""A model in an archive: nothing is lost, and nothing in a stranger's archive does any harm."""

import gzip
import io
import json
import os
import tarfile

import numpy as np
import pytest

from tests.training import runs
from yt8m_attention import config
from yt8m_attention.errors import UserError
from yt8m_attention.models import registry
from yt8m_attention.runs import checkpoints, model_archive, model_state, restore, run_file

META = {"step": 7, "first_step": 0, "position": None, "loss": 0.5, "finished": True}
CHECKPOINT = "checkpoints/step-00000007.npz"
NO_PART = "which is no part of a model; give a file that --output_model_tgz wrote"


@pytest.fixture(scope="module")
def trained(planted, tmp_path_factory):
    """A model's directory, and the model."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    folder.mkdir()
    run = runs.small(planted, folder, model=runs.PLAIN, max_steps=7)
    run_file.write(run, {}, "1.0")
    (folder / "segment_label_ids.csv").write_text("Index\n1\n")
    model = registry.build(run.model)
    arrays = model_state.arrays(model_state.variables(model)) | {"optimizer/m": np.ones(1000, np.float32)}
    checkpoints.save(str(folder), 7, arrays, META)
    return str(folder), restore.load(str(folder))


def test_a_model_survives(trained, tmp_path):
    folder, model = trained
    archive, new = f"{tmp_path}/model.tgz", f"{tmp_path}/new"
    model_archive.write(archive, model, folder)
    with tarfile.open(archive) as opened:
        members = opened.getmembers()
    assert [member.name for member in members] == ["run.json", "segment_label_ids.csv", CHECKPOINT]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}
    model_archive.read(archive, new)
    again = restore.load(new)
    assert model_state.digest(again.model) == model_state.digest(model.model)
    assert (again.run, again.meta, again.path) == (model.run, model.meta, f"{new}/{CHECKPOINT}")
    assert not [name for name in checkpoints.load(again.path)[0] if name.startswith("optimizer/")]
    assert sorted(os.listdir(tmp_path)) == ["model.tgz", "new"]


def test_equal_models_give_equal_bytes(trained, tmp_path):
    folder, model = trained
    for name in ("a.tgz", "b.tgz"):
        model_archive.write(f"{tmp_path}/{name}", model, folder)
    assert (tmp_path / "a.tgz").read_bytes() == (tmp_path / "b.tgz").read_bytes()


def test_a_directory_is_whole_or_as_it_was(trained, tmp_path):
    archive = f"{tmp_path}/model.tgz"
    model_archive.write(archive, trained[1], trained[0])
    empty, used = tmp_path / "empty", tmp_path / "used"
    empty.mkdir()
    used.mkdir()
    for _ in range(2):
        model_archive.read(archive, str(empty))
    (used / "mine.txt").write_text("mine")
    for directory in (used, empty):
        (directory / "mine.txt").write_text("mine")
        with pytest.raises(UserError, match="holds other files; name a new or empty directory"):
            model_archive.read(archive, str(directory))
    assert os.listdir(used) == ["mine.txt"]
    assert sorted(os.listdir(tmp_path)) == ["empty", "model.tgz", "used"]


def _archive(path, *members, pack=gzip.open):
    """Writes an archive of (name, bytes or None, changes of the member)."""
    with pack(path, "wb") as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content, changes in members:
            member = tarfile.TarInfo(name)
            member.size = len(content or b"")
            vars_ = {"type": member.type, "linkname": ""} | changes
            member.type, member.linkname = vars_["type"], vars_["linkname"]
            archive.addfile(member, io.BytesIO(content or b""))


RUN = ("run.json", b"{}", {})
SAVED = (CHECKPOINT, b"zeros", {})
ATTACKS = {
    "above": ([RUN, ("../x", b"", {}), SAVED], f"holds '../x', {NO_PART}"),
    "absolute": ([("/tmp/run.json", b"{}", {})], f"holds '/tmp/run.json', {NO_PART}"),
    "above a known folder": ([("checkpoints/../../run.json", b"{}", {})], NO_PART),
    "symbolic link": ([("run.json", None, {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"})], NO_PART),
    "folder that is a link": ([("checkpoints", None, {"type": tarfile.SYMTYPE, "linkname": "/tmp"}), SAVED], NO_PART),
    "hard link": ([("run.json", None, {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"})], NO_PART),
    "device": ([("run.json", None, {"type": tarfile.CHRTYPE})], NO_PART),
    "pipe": ([("vocabulary.csv", None, {"type": tarfile.FIFOTYPE})], NO_PART),
    "folder of another name": ([("other", None, {"type": tarfile.DIRTYPE})], NO_PART),
    "name that differs by case": ([("RUN.JSON", b"{}", {})], NO_PART),
    "name with a line end": ([("run.json\n", b"{}", {})], NO_PART),
    "digits that are not ASCII": ([("checkpoints/step-" + 8 * "\u0661" + ".npz", b"", {})], NO_PART),
    "twice": ([RUN, RUN, SAVED], "holds 'run.json' twice"),
    "twice by other names": ([RUN, ("./run.json", b"{}", {}), SAVED], "holds 'run.json' twice"),
    "too many": ([RUN, *((f"checkpoints/step-{i:08d}.npz", b"", {}) for i in range(16))], "holds more than 16 files"),
    "no run.json": ([SAVED], "holds no run.json; give a file that --output_model_tgz wrote"),
    "no checkpoint": ([RUN], "holds no checkpoint; give a file that --output_model_tgz wrote"),
    "nothing": ([], "holds no run.json"),
    "starter code's": (
        [("model_flags.json", b"{}", {}), ("inference_model.meta", b"", {})],
        "holds a TensorFlow 1 graph (model_flags.json), which cannot be loaded; train the model here, see "
        "docs/coming-from-the-starter-code.md",
    ),
    "starter code's graph": ([("./inference_model.meta", b"", {})], "holds a TensorFlow 1 graph (inference_model.m"),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_no_model_is_refused_and_leaves_nothing(tmp_path, attack):
    members, words = ATTACKS[attack]
    archive = f"{tmp_path}/a.tgz"
    _archive(archive, *members)
    with pytest.raises(UserError) as raised:
        model_archive.read(archive, f"{tmp_path}/new")
    assert f"--input_model_tgz={archive}: {words}" in str(raised.value) or words in str(raised.value)
    assert os.listdir(tmp_path) == ["a.tgz"]


def test_folders_and_names_with_a_dot_are_fine(tmp_path):
    """As `tar czf model.tgz .` writes them."""
    folder = {"type": tarfile.DIRTYPE}
    _archive(f"{tmp_path}/a.tgz", (".", None, folder), ("./checkpoints", None, folder), ("./run.json", b"{}", {}),
             (f"./{CHECKPOINT}", b"x" * 3_000_000, {}), ("./scores.json", b"{}", {}))  # fmt: skip
    model_archive.read(f"{tmp_path}/a.tgz", f"{tmp_path}/new")
    assert os.path.getsize(f"{tmp_path}/new/{CHECKPOINT}") == 3_000_000
    assert json.loads((tmp_path / "new" / "run.json").read_text()) == {}
    assert not os.stat(f"{tmp_path}/new/run.json").st_mode & 0o111


def _refused(tmp_path, content):
    archive = tmp_path / "a.tgz"
    archive.write_bytes(content)
    with pytest.raises(UserError) as raised:
        model_archive.read(str(archive), f"{tmp_path}/new")
    assert os.listdir(tmp_path) == ["a.tgz"]
    return str(raised.value)


def _header(name, size, kind=tarfile.REGTYPE):
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def test_sizes_are_bounded(tmp_path):
    words = _refused(tmp_path, gzip.compress(_header("run.json", (64 << 20) + 1)))
    assert words.endswith("'run.json' is larger than 64 MiB; give a file that --output_model_tgz wrote")
    words = _refused(tmp_path, gzip.compress(_header(CHECKPOINT, (16 << 30) + 1)))
    assert f"{CHECKPOINT!r} is larger than 16 GiB" in words
    for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME):  # which tarfile would read at once
        assert "a header of 1073741824 bytes" in _refused(tmp_path, gzip.compress(_header("x", 1 << 30, kind)))


def test_damage_is_said(tmp_path, trained):
    archive = tmp_path / "a.tgz"
    model_archive.write(str(archive), trained[1], trained[0])
    whole = archive.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    longer = gzip.compress(gzip.decompress(whole) + bytes(2 << 20))
    for content in (b"", b"no archive", whole[: len(whole) // 2], whole[:30], bytes(flipped), whole[:-8],
                    gzip.compress(b"no archive"), longer, gzip.compress(_header("run.json", 9) + b"{}")):  # fmt: skip
        words = _refused(tmp_path, content)
        assert words.startswith(f"--input_model_tgz={archive}: "), content[:20]
        assert words.endswith(("; copy it again", "; give a file that --output_model_tgz wrote"))
    archive.unlink()
    with pytest.raises(UserError, match=r"cannot be read: No such file or directory; copy it again"):
        model_archive.read(str(archive), f"{tmp_path}/new")


def test_a_full_disk_leaves_no_archive(trained, tmp_path):
    with pytest.raises(UserError, match="cannot be written"):
        model_archive.write(f"{tmp_path}/nowhere/a.tgz", trained[1], trained[0])
    assert not list(tmp_path.iterdir())


def test_a_network_of_several_lstm_layers_survives(tmp_path):
    model = config.Model(model="lstm", lstm_layers=2, lstm_cells=3)
    assert config.from_dict(config.Model, json.loads(json.dumps(config.to_dict(model)))) == model
    old = {name: value for name, value in config.to_dict(model).items() if name != "lstm_layers"}
    assert config.from_dict(config.Model, old).lstm_layers == 1
