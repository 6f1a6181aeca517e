"""No loaded data is executed, no id in data can name a file, and every dependency has version bounds."""

import ast
import io
import pickle
import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from yt8m_attention.config import Data, Features
from yt8m_attention.data import user_features
from yt8m_attention.ensembling import scores_file
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import submission_score
from yt8m_attention.inference.ranking import TopSegments
from yt8m_attention.localization import localize, moment_files
from yt8m_attention.runs import checkpoints

ROOT = Path(__file__).resolve().parents[2]


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self._path = str(path)

    def __reduce__(self):
        return open, (self._path, "w")


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_pickled_objects_are_refused_by_every_reader_of_arrays(tmp_path, name):
    trap, path = tmp_path / "sprung", tmp_path / name
    array = np.array([Trap(trap)], object)
    (np.save if name == "x.npy" else np.savez)(path, array)
    members = dict.fromkeys(
        ("meta", "ids", "starts", "classes", "scores", "video_ids", "origin", "k", "sizes", "table", "keys"), array
    )
    if name == "x.npz":
        np.savez(path, **members)
    for read in (checkpoints.load, scores_file.load, TopSegments.load,
                 lambda place: submission_score.load_ratings(place, []),
                 lambda place: list(user_features.videos(place, Features(("a",), (1,))))):  # fmt: skip
        with pytest.raises(UserError, match=re.escape(str(path))):
            read(str(path))
    assert not trap.exists()
    pickle.loads(pickle.dumps(Trap(trap))).close()
    assert trap.exists()  # the trap works


def test_no_module_loads_code():
    """No pickle, no model file of Keras, no array with pickling on, no evaluation of text."""
    for path in (ROOT / "yt8m_attention").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                assert not {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"} & set(names), path
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            assert called not in ("eval", "exec", "compile", "__import__"), f"{path}: {called}"
            assert not called.endswith(("load_model", "load_weights", "Lambda", "py_func")), f"{path}: {called}"
            if called == "np.load":
                settings = {k.arg: ast.unparse(k.value) for k in node.keywords}
                assert settings.get("allow_pickle") == "False", f"{path}: {called}"


IDS = [
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    "a/b",
    "a\\b",
    "a\0b",
    "~root",
    "C:\\x",
    "%2e%2e%2f",
    "$(touch x)",
    "\u2215",
]


@pytest.mark.parametrize("video_id", IDS)
def test_an_id_never_leaves_the_directory_that_was_named(tmp_path, video_id):
    name = moment_files.file_name(video_id)
    assert (tmp_path / f"{name}.vtt").resolve().parent == tmp_path.resolve()
    assert re.fullmatch(r"[\w-]+", name)


def test_two_videos_never_share_a_file(tmp_path):
    job = localize.MomentsJob("x", Data(), 3, "vtt", f"{tmp_path}/{{id}}.vtt")
    videos = [moment_files.VideoMoments(video_id, 1.0, ()) for video_id in ("a/b", "a_b")]
    with pytest.raises(UserError, match=r"--output_file: .*a_b\.vtt would be the file of several videos"):
        list(localize._check_output_paths(job, videos))
    assert not list(tmp_path.iterdir())


def test_every_dependency_is_bounded_on_both_sides():
    with open(ROOT / "pyproject.toml", "rb") as file:
        building = re.findall(r"([\w-]+)(.*)", "\n".join(tomllib.load(file)["build-system"]["requires"]))
    assert len(_declared()) > 10 and building
    for name, bounds in _declared() + building:
        assert re.search(r">=\d", bounds) and re.search(r"<\d", bounds), name
    assert re.search(r'python_requires=">=3\.11,<\d', (ROOT / "setup.py").read_text("utf-8"))


def _declared():
    """(name, bounds) of every distribution that setup.py asks for."""
    text = (ROOT / "setup.py").read_text("utf-8").replace("{TENSORFLOW_VERSION}", ">=2.21,<2.22")
    return re.findall(r'^ {8,12}f?"([a-z][\w.\[\]-]*)([<>=,.\d]*)",', text, re.M)


def test_whatever_is_imported_is_declared():
    distributions = {"absl": "absl-py", "google": "protobuf", "google_crc32c": "google-crc32c"}
    found = set()
    for path in (ROOT / "yt8m_attention").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                found |= {name.split(".")[0] for name in names}
    found -= {*sys.stdlib_module_names, "yt8m_attention"}
    assert {distributions.get(name, name) for name in found} <= {name for name, _ in _declared()}
    assert {"keras", "google"} <= found


def test_another_archive_is_not_a_checkpoint(tmp_path):
    out = io.BytesIO()
    np.savez(out, a=np.zeros(3))
    (tmp_path / "x.npz").write_bytes(out.getvalue())
    with pytest.raises(UserError, match="damaged or not a checkpoint"):
        checkpoints.load(str(tmp_path / "x.npz"))
