"""A real TensorBoard server reads the event files of a run; the tests query its HTTP API."""

import gzip
import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request

import numpy as np
import pytest

from tests.training import runs
from yt8m_attention.evaluation import evaluate_checkpoints
from yt8m_attention.runs import summaries
from yt8m_attention.training import phase

FLAGS = {
    "num_heads": 2,
    "base_learning_rate": 8e-4,
    "segment_window": (30, 10),
    "init_checkpoint": None,
    "train_dir": "x",
}


@pytest.fixture(scope="module")
def run_dir(planted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    model = {"model": "attention"}
    phase.train(runs.small(planted, folder / "phase1", model=model, max_steps=4, run={"profile_steps": (2, 3)}), FLAGS)
    phase.train(runs.small(planted, folder / "phase2", True, model=model, max_steps=2, holdout_fraction=0.3,
                           init_checkpoint=str(folder / "phase1")), FLAGS | {"num_heads": 3})  # fmt: skip
    evaluate_checkpoints.evaluate(str(folder / "phase2"), str(planted / "test" / "*.tfrecord"), segments=True)
    return folder


@pytest.fixture(scope="module")
def ask(run_dir):
    """Function of a path and a query -> answer of TensorBoard; a dict is sent by POST."""
    command = [sys.executable, "-m", "tensorboard.main", f"--logdir={run_dir}", "--host=127.0.0.1", "--port=0",
               "--load_fast=false", "--reload_interval=0"]  # fmt: skip
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        found = re.search(r"TensorBoard \S+ at (http://\S+)", line)
        if found:
            break
    else:
        raise AssertionError("TensorBoard did not start")

    def request(path, posted=None, **query):
        url = f"{found[1]}data/{path}?{urllib.parse.urlencode(query)}"
        data = None if posted is None else json.dumps(posted).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
            body = answer.read()
            if answer.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            return json.loads(body) if "json" in answer.headers["Content-Type"] else body

    yield request
    server.terminate()
    server.wait()
    server.stderr.close()


def test_all_runs_are_listed(ask):
    assert set(ask("runs")) == {"phase1", "phase2", "phase2/eval"}


def test_scalars_of_both_phases_and_of_evaluation(ask):
    tags = ask("plugin/scalars/tags")
    assert {"train/loss", "train/learning_rate", "train/examples_per_second"} <= set(tags["phase1"])
    assert "holdout/segment_map" in tags["phase2"]
    assert {"eval/segment_map", "eval/chance", "eval/copied_video_score_map"} <= set(tags["phase2/eval"])
    assert [point[1] for point in ask("plugin/scalars/scalars", run="phase1", tag="train/loss")] == [2, 3, 4]


def test_average_precision_by_class_is_a_histogram(ask):
    tag = "eval/average_precision_by_class"
    assert tag in ask("plugin/histograms/tags")["phase2/eval"]
    ((_, step, bins),) = ask("plugin/histograms/histograms", run="phase2/eval", tag=tag)
    assert step == 6 and sum(count for *_, count in bins) == 4  # the rated classes
    assert all(-1e-6 <= low <= high <= 1 + 1e-6 for low, high, _ in bins)


@pytest.mark.parametrize("name", ["eval/videos", "eval/segments"])
def test_precision_recall_curves(ask, name):
    tag = f"{name}/pr_curves"
    assert tag in ask("plugin/pr_curves/tags")["phase2/eval"]
    (curve,) = ask("plugin/pr_curves/pr_curves", run="phase2/eval", tag=tag)["phase2/eval"]
    assert curve["step"] == 6
    assert curve["recall"][0] == 1 and curve["recall"] == sorted(curve["recall"], reverse=True)
    assert len(curve["precision"]) == len(curve["thresholds"]) > 10  # TensorBoard omits thresholds that no pair reaches


def test_attention_of_fixed_videos_is_an_image(ask):
    tags = ask("plugin/images/tags")["phase2/eval"]
    assert len(tags) == 4 and all(tag.startswith("attention/") for tag in tags)
    tag = next(iter(tags))
    (image,) = ask("plugin/images/images", run="phase2/eval", tag=tag, sample=0)
    assert image["step"] == 6
    assert ask(f"plugin/images/individualImage?{image['query']}&").startswith(b"\x89PNG")


def test_flags_as_text_and_as_hyperparameters(ask):
    (text,) = ask("plugin/text/text", run="phase1", tag="flags")
    assert re.search(r"--num_heads.*?<td><code>2</code>", text["text"], re.S)
    assert ask("plugins_listing")["hparams"]["enabled"]
    found = ask("plugin/hparams/session_groups", posted={
        "experimentName": "", "startIndex": 0, "sliceSize": 10, "colParams": [],
        "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
    })  # fmt: skip
    by_run = {session["name"]: group["hparams"] for group in found["sessionGroups"] for session in group["sessions"]}
    assert by_run["phase1"]["num_heads"] == 2 and by_run["phase2"]["num_heads"] == 3
    assert by_run["phase1"]["segment_window"] == "30,10"
    assert "train_dir" not in by_run["phase1"]


def test_the_profile_is_where_its_plugin_looks(run_dir, ask):
    """TensorBoard shows it if the plugin xprof is installed; the project does not require it."""
    (written,) = (run_dir / "phase1" / "plugins" / "profile").iterdir()
    assert list(written.glob("*.xplane.pb"))
    if "profile" in ask("plugins_listing"):
        assert any(written.name in name for name in ask("plugin/profile/runs"))


def test_files_of_one_second_are_read_in_the_order_of_their_counter(tmp_path):
    """A process's tenth file follows its ninth; a resumed run replaces what an earlier one wrote from there on."""
    for number, steps in ((9, range(6)), (10, (2, 3))):
        folder = tmp_path / str(number)
        written = summaries.Summaries(str(folder))
        for step in steps:
            written.scalars(step, {"train/loss": step + number})
        written.close()
        (path,) = folder.iterdir()
        path.rename(tmp_path / f"events.out.tfevents.1700000000.host.77.{number}.v2")
        folder.rmdir()
    found = summaries.read_scalars(str(tmp_path))["train/loss"]
    assert found == [(0, 9.0), (1, 10.0), (2, 12.0), (3, 13.0)]


def test_curves_are_read_back_as_written(tmp_path):
    assert summaries.read_scalars(str(tmp_path / "absent")) == {}
    for start in (0, 2):  # two files, as after a resumed run
        written = summaries.Summaries(str(tmp_path))
        written.flags(start, FLAGS)
        for step in range(start, start + 4):
            written.scalars(step, {"train/loss": step + start / 10})
        written.close()
    expected = [(0, 0.0), (1, 1.0), (2, 2.2), (3, 3.2), (4, 4.2), (5, 5.2)]
    found = summaries.read_scalars(str(tmp_path))
    assert list(found) == ["train/loss"]
    np.testing.assert_allclose(found["train/loss"], expected, rtol=1e-6)
