"""Moments: planted probabilities give the planted seconds, and the outputs of the command."""

import dataclasses
import json
import re
import xml.sax.saxutils

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests import commands
from tests.training import runs
from yt8m_attention.config import Data, Model
from yt8m_attention.data.user_features import Video
from yt8m_attention.errors import UserError
from yt8m_attention.localization import localize, moment_files, moments, video_scorer
from yt8m_attention.localization.moments import Moment
from yt8m_attention.models import registry
from yt8m_attention.training import phase

SIZE = 5


def planted_windows(events, num_frames, num_classes):
    """Returns perfect probabilities of windows: the fraction of the frames that belong to an event."""
    on = np.zeros((num_frames, num_classes))
    for class_id, start, end in events:
        on[start:end, class_id] = 1
    return np.stack([on[w : w + SIZE].mean(axis=0) for w in range(num_frames - SIZE + 1)])


def test_planted_events_are_found_to_the_second():
    events = [(2, 10, 20), (0, 40, 48), (2, 60, 70), (1, 0, 7), (3, 90, 100)]
    found = moments.find(planted_windows(events, 100, 4), 100, SIZE, 9)
    assert sorted((m.class_id, m.start, m.end) for m in found) == sorted(events)
    assert all(m.probability == 1 for m in found)


def test_a_class_in_more_windows_comes_first_with_its_windows_probability():
    p = np.zeros((20, 2))
    p[3, 0], p[12:16, 1] = 0.9, 0.8
    found = moments.find(p, 24, SIZE, 5)
    assert found == [Moment(1, 12, 18, 0.8), Moment(0, 3, 8, 0.9)]


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.floats(0, 1, width=32)),
       st.integers(1, 12), st.integers(1, 7))  # fmt: skip
def test_moments_are_within_the_video_disjoint_and_best_first_by_class(probabilities, top, size):
    frames = len(probabilities) + size - 1
    found = moments.find(probabilities, frames, size, top)
    assert len(found) <= top
    for c in range(probabilities.shape[1]):
        of_class = [m.probability for m in found if m.class_id == c]
        assert of_class == sorted(of_class, reverse=True)
        assert not of_class or of_class[0] == probabilities[:, c].max()
    for i, m in enumerate(found):
        assert 0 <= m.start and m.start + min(size, frames) <= m.end <= frames
        for other in found[:i]:
            assert other.class_id != m.class_id or other.end <= m.start or m.end <= other.start


def test_only_the_wanted_classes():
    found = moments.find(np.full((9, 4), 0.5), 13, SIZE, 9, (1, 3))
    assert {m.class_id for m in found} == {1, 3}


class Mean:
    """Stands for a network that returns the mean of the first feature, and attention to it."""

    def __call__(self, inputs, training):
        mask = tf.cast(inputs["mask"], tf.float32)
        first = tf.cast(inputs["frames"], tf.float32)[..., 0] * mask
        mean = tf.reduce_sum(first, axis=1) / tf.maximum(tf.reduce_sum(mask, axis=1), 1.0)
        return {"probabilities": mean[:, None], "attention": first[..., None]}


@pytest.mark.parametrize("frames", [1, 3, 5, 9, 64, 65])
def test_windows_and_the_whole_of_videos(frames):
    """A window's score depends on its own frames only; a video shorter than a segment is one window."""
    video = np.arange(1, frames + 1, dtype=np.uint8)[:, None]
    scored = video_scorer.VideoScorer(Mean(), SIZE)(video)
    starts = range(max(1, frames - SIZE + 1))
    np.testing.assert_allclose(scored.windows[:, 0], [video[s : s + SIZE, 0].mean() for s in starts])
    np.testing.assert_array_equal(scored.attention, video)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return registry.build(Model(features=runs.FEATURES, num_classes=6, num_heads=2, hidden_size=16))


@pytest.mark.parametrize("frames", [3, 5, 70])
def test_a_networks_windows_are_those_of_segments_read_by_themselves(network, frames):
    """The folded scorer shares the computation of frames between windows, on padded videos."""
    video = np.random.default_rng(0).integers(0, 256, (frames, 32), dtype=np.uint8)
    found = video_scorer.VideoScorer(network, SIZE).windows(video)
    bags = np.stack([video[start : start + SIZE] for start in range(max(1, frames - SIZE + 1))])
    np.testing.assert_allclose(found, network({"frames": bags})["probabilities"], atol=2e-6)


NASTY = 'Tom & "Jerry"\n<b> --> x'


def described(video_id="id", begin=0.0):
    found = [Moment(7, 60, 65, 0.5), Moment(1, 2, 9, 0.987)]
    video = Video(video_id, np.zeros((70, 1), np.uint8), begin=begin)
    return moment_files.describe(video, found, {7: NASTY, 1: "Dog"}.get, 0.96)


def test_subtitles_are_in_time_and_hold_one_line():
    srt, vtt = (moment_files.text([described()], form) for form in ("srt", "vtt"))
    assert srt.startswith("1\n00:00:01,920 --> 00:00:08,640\nDog (99%)\n\n2\n00:00:57,600 --> 00:01:02,400\n")
    assert vtt.startswith("WEBVTT\n\n00:00:01.920 --> 00:00:08.640\nDog (99%)\n\n")
    for text in (srt, vtt):
        assert len(re.findall("-->", text)) == 2
    assert vtt.splitlines()[-1] == xml.sax.saxutils.escape('Tom & "Jerry" <b> → x (50%)')


def test_table_and_json_agree():
    table, found = (moment_files.text([described()], form) for form in ("table", "json"))
    assert table.splitlines()[1].split()[:5] == ["id", "7", "0:57.6", "1:02.4", "0.500"]
    assert json.loads(found)[0]["moments"][0] == {
        "class": 7, "name": NASTY, "start": 57.6, "end": 62.4, "probability": 0.5
    }  # fmt: skip


def test_json_holds_the_start_of_a_clip_in_its_video():
    (found,) = json.loads(moment_files.text([described("-Qw4w9WgXcQ", 140.5)], "json"))
    assert (found["begin"], found["seconds"]) == (140.5, 67.2)
    assert [m["start"] for m in found["moments"]] == [57.6, 1.92]  # of the clip
    start = "https://www.youtube.com/watch?v=-Qw4w9WgXcQ&t="
    assert [m["link"] for m in found["moments"]] == [f"{start}198s", f"{start}142s"]


@pytest.mark.parametrize("video_id", ["abcd", "holiday_001", "dQw4w9WgXcQQ", "dQw4w9WgXc/", "dQw4w9WgXcQ\n"])
def test_an_id_of_another_site_gets_no_link(video_id):
    (found,) = json.loads(moment_files.text([described(video_id)], "json"))
    assert found["begin"] == 0 and not any("link" in m for m in found["moments"])


@given(st.text())
def test_ids_make_harmless_file_names(video_id):
    name = moment_files.file_name(video_id)
    assert "/" not in name and "." not in name and "\0" not in name


@pytest.fixture(scope="module")
def trained(planted, tmp_path_factory):
    train_dir = tmp_path_factory.mktemp("trained") / "run"
    phase.train(runs.small(planted, train_dir, True, model={"model": "attention"}, max_steps=2), {})
    return str(train_dir)


def test_the_command(planted, trained, tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("Index,Name\n" + "".join(f"{c},name {c}\n" for c in range(6)))
    common = [f"--train_dir={trained}", f"--input={planted}/test/*.tfrecord", "--top=2", f"--vocabulary={names}"]
    result = commands.succeed("moments", *common, "--format=json", f"--output_file={tmp_path}/m.json")
    assert result == {"videos": 30, "moments": 60, "output_file": f"{tmp_path}/m.json"}
    found = json.loads((tmp_path / "m.json").read_text())
    rated = set(map(int, (planted / "segment_label_ids.csv").read_text().split()[1:]))
    assert {m["class"] for video in found for m in video["moments"]} <= rated
    assert all(m["name"] == f"name {m['class']}" for video in found for m in video["moments"])
    commands.succeed("moments", *common, "--format=vtt", f"--output_file={tmp_path}/{{id}}.vtt")
    assert len(list(tmp_path.glob("*.vtt"))) == 30
    refused = commands.run("moments", *common, "--format=srt", f"--output_file={tmp_path}/m.srt")
    assert refused.status == 2 and "{id}" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1  # nothing was scored


@pytest.mark.parametrize("form", ["json", "srt", "vtt"])
def test_formats_of_programs_are_never_mixed_with_the_result(form, tmp_path):
    """The check comes before the model and the features are read, so both may be missing."""
    refused = commands.run(
        "moments", f"--train_dir={tmp_path}/none", f"--input={tmp_path}/none.npy", f"--format={form}"
    )
    assert (refused.status, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"moments: --format={form}: wants --output_file")


class Unasked:
    """Stands for a network that must not be called."""

    def __call__(self, inputs, training):
        raise AssertionError("scored")


def job(folder, form, output_file, videos=2):
    np.savez(folder / "own.npz", **{f"video{n}": np.zeros((9, 32), np.uint8) for n in range(videos)})
    data = Data(features=runs.FEATURES, num_classes=6)
    return localize.MomentsJob(str(folder / "own.npz"), data, 2, form, f"{folder}/{output_file}")


@pytest.mark.parametrize(
    "form, output_file, told",
    [
        ("srt", "all.srt", "--format=srt: several videos need one file each"),
        ("vtt", "all.vtt", r"for example moments/\{id\}\.vtt"),
        ("json", "own.npz/m.json", "--output_file=.*own.npz: cannot be made"),
        ("json", "own.npz/{id}/m.json", "--output_file=.*own.npz: cannot be made"),
        ("json", "there", "--output_file=.*there: is a directory"),
        ("json", "new/", "--output_file=.*new/: is a directory"),
    ],
)
def test_an_invalid_output_is_an_error_before_anything_is_scored(tmp_path, form, output_file, told):
    (tmp_path / "there").mkdir()
    with pytest.raises(UserError, match=told):
        localize.run(Unasked(), job(tmp_path, form, output_file), str)


def test_remote_output_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    remote = dataclasses.replace(job(tmp_path, "json", "x"), output_file="gs://bucket/m.json")
    with pytest.raises(UserError, match=r"gs://bucket/m\.json: is not a local file"):
        localize.run(Unasked(), remote, str)
    assert [path.name for path in tmp_path.iterdir()] == ["own.npz"]


@pytest.mark.parametrize("output_file", ["new/deep/{id}.srt", "new/{id}/m.srt", "{id}/m.srt", "{id}.srt"])
def test_directories_of_the_output_are_created(tmp_path, output_file):
    result = localize.run(Mean(), job(tmp_path, "srt", output_file), str)
    assert result["videos"] == 2
    for name in ("video0", "video1"):
        assert (tmp_path / output_file.format(id=name)).is_file()


def test_one_video_needs_no_id_in_its_output_file(tmp_path):
    assert localize.run(Mean(), job(tmp_path, "vtt", "m.vtt", videos=1), str)["videos"] == 1
    assert (tmp_path / "m.vtt").read_text().startswith("WEBVTT")


def test_the_table_comes_before_the_result(trained, tmp_path):
    np.save(tmp_path / "mine.npy", np.zeros((9, 32), np.float32))
    result = commands.run("moments", f"--train_dir={trained}", f"--input={tmp_path}/mine.npy", "--top=1")
    head, row, last = result.stdout.splitlines()
    assert head.split()[0] == "video" and row.split()[0] == "mine"
    assert json.loads(last) == {"videos": 1, "moments": 1, "output_file": None}


def test_a_bad_record_is_skipped_if_allowed(planted, trained, tmp_path):
    shards = sorted((planted / "test").glob("*.tfrecord"))
    whole = b"".join(shard.read_bytes() for shard in shards)
    (tmp_path / "cut.tfrecord").write_bytes(whole[:-9])  # in the last of 30 records
    common = ["moments", f"--train_dir={trained}", f"--input={tmp_path}/cut.tfrecord", "--top=1"]
    refused = commands.run(*common)
    assert refused.status == 2 and "cut.tfrecord" in refused.stderr.splitlines()[-1]
    passed = commands.run(*common, "--max_bad_records=1")
    assert passed.json["videos"] == 29 and "cut.tfrecord" in passed.stderr
