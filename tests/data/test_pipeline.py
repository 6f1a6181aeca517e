import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.record_helpers import NUM_CLASSES, data, frames_of, shared_data, video, video_level, write
from yt8m_attention import config
from yt8m_attention.data import holdout, pipeline
from yt8m_attention.data.batch import Buffers
from yt8m_attention.data.formats.frames import FrameReader
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError

LENGTHS = [[7, 1, 40], [12, 5, 3, 9, 31], [6], [0, 20]]
UNTOUCHED = {"index_dir": "none"}  # nothing is written beside the real data
NUM_VIDEOS = sum(map(len, LENGTHS))


def label(number):
    """A class of each video's own."""
    return number % NUM_CLASSES


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    directory, numbers = tmp_path_factory.mktemp("shards"), itertools.count()
    for i, lengths in enumerate(LENGTHS):
        records = []
        for length, number in zip(lengths, numbers):  # noqa: B905
            rated = [(s, number % 5, s // 5 % 2) for s in range(0, length + 5, 5)]
            records.append(video(number, length, [label(number)], rated))
        write(directory / f"{i}.tfrecord", records)
    return f"{directory}/*.tfrecord"


def every(stride=5, **changes):
    return data(sampling=config.Sampling("every", frame_stride=stride, first_frame=2, last_frame=22), **changes)


def training(pattern, settings, position=None, seed=3, device=None, **phase):
    phase = config.Phase(**{"batch_size": 4, "num_epochs": 2, **phase})
    return pipeline.training_batches(pattern, settings, phase, seed, position, device=device)


def arrays(dataset):
    return [{k: np.asarray(v) for k, v in batch.items()} for batch in dataset]


def identities(batches):
    """What tells items apart: their bytes and labels, padding included."""
    return [(f.tobytes(), lab.tobytes()) for b in batches for f, lab in zip(b["frames"], b["labels"], strict=True)]


def equal(batches, others):
    return len(batches) == len(others) and all(
        a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)
        for a, b in zip(batches, others, strict=True)
    )


@pytest.mark.parametrize("shuffle_shards", [0, 1, 3])
@pytest.mark.parametrize("segment_labels", [False, True])
def test_each_item_comes_once_an_epoch_in_orders_that_differ(pattern, shuffle_shards, segment_labels):
    settings = every(1, shuffle_shards=shuffle_shards)
    kind = "rated_segments" if segment_labels else "videos"
    once = sorted(identities(arrays(pipeline.evaluation_batches(pattern, settings, 4, kind))))
    batches = arrays(training(pattern, settings, segment_labels=segment_labels))
    found = identities(batches)
    first, second = found[: len(once)], found[len(once) :]
    assert sorted(first) == sorted(second) == once
    assert first != second
    assert [len(b["mask"]) for b in batches[:-1]] == [4] * (len(batches) - 1)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 3), st.booleans(), st.integers(1, 7), st.integers(-3, 2**40), st.data())
def test_a_stream_goes_on_exactly_from_any_position(pattern, shuffle_shards, segment_labels, batch_size, seed, draw):
    settings = data(shuffle_shards=shuffle_shards, sampling=config.Sampling(num_frames=5, trim_frames=2))
    phase = {"segment_labels": segment_labels, "batch_size": batch_size, "seed": seed}
    batches = arrays(training(pattern, settings, **phase))
    assert equal(batches, arrays(training(pattern, settings, **phase)))
    at = draw.draw(st.integers(0, len(batches) - 1))
    assert equal(arrays(training(pattern, settings, batches[at]["position"], **phase)), batches[at + 1 :])


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 3), st.integers(1, 3), st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), max_size=4))
def test_each_item_is_seen_once_by_workers_whose_number_changes_at_every_stop(pattern, shuffle_shards, size, runs):
    settings = every(1, shuffle_shards=shuffle_shards)

    def streams(many, position):
        phase = config.Phase(batch_size=size, num_epochs=2)
        return [
            arrays(pipeline.training_batches(pattern, settings, phase, 3, position, shard_of=(i, many)))
            for i in range(many)
        ]

    seen, position = [], pipeline.START
    for workers, steps in runs:
        parts = streams(workers, position)
        steps = min(steps, *map(len, parts))
        if steps:
            seen += [i for part in parts for i in identities(part[:steps])]
            (position,) = {tuple(part[steps - 1]["position"].tolist()) for part in parts}
    seen += identities(streams(1, position)[0])
    assert sorted(seen) == sorted(identities(arrays(training(pattern, settings, batch_size=size))))


def test_without_epochs_the_stream_does_not_end_and_batches_have_one_shape(pattern):
    stream = training(pattern, every(), num_epochs=None, max_steps=9)
    dataset = stream.dataset
    assert dataset.element_spec == stream.element_spec
    assert dataset.element_spec["frames"].shape == (4, 5, 5)
    batches = arrays(dataset.take(20))
    assert {len(b["mask"]) for b in batches} == {4} and batches[-1]["position"][0] >= 6


@pytest.mark.parametrize("device", [None, "/cpu:0"])
@pytest.mark.parametrize("size, group", [(4, 0), (5, 1), (1000, 2)])
def test_progress_rises_to_one(pattern, size, group, device):
    """To 1 with the last item, and as the items do if all shards are one group; however far ahead batches are made."""
    stream = training(pattern, every(shuffle_shards=group), batch_size=size, num_epochs=3, device=device)
    rows, progress = map(np.array, zip(*((len(batch["mask"]), stream.progress) for batch in stream), strict=True))
    assert (np.diff(progress) > 0).all() and 0 < progress[0] and progress[-1] == 1
    if not group:
        np.testing.assert_allclose(progress, np.cumsum(rows) / rows.sum(), rtol=1e-6)


@pytest.mark.parametrize("kind", ["videos", "rated_segments", "windows"])
def test_progress_of_an_evaluation_counts_shards(pattern, kind):
    stream = pipeline.evaluation_batches(pattern, every(), 1, kind)
    progress = [stream.progress for _ in stream]
    assert (np.diff(progress) > 0).all() and 0 < progress[0] and progress[-1] == 1
    if kind == "videos":
        expected = [
            shard + (n + 1) / len(lengths) for shard, lengths in enumerate(LENGTHS) for n in range(len(lengths))
        ]
        np.testing.assert_allclose(progress, np.array(expected) / len(LENGTHS))


def test_nothing_is_tuned(pattern):
    """The end of a pass would wait for the thread that does it, up to a minute."""
    for batches in (training(pattern, every()), pipeline.evaluation_batches(pattern, every(), 4)):
        assert not batches.dataset.options().autotune.enabled


def test_without_an_end_progress_stays_zero(pattern):
    stream = training(pattern, every(), num_epochs=None, max_steps=9)
    assert {stream.progress for _ in itertools.islice(stream, 3)} == {0.0}


def test_orders_depend_on_the_seed(pattern):
    one, other = (identities(arrays(training(pattern, every(), seed=seed))) for seed in (1, 2))
    assert one != other and sorted(one) == sorted(other)


def test_videos_hold_the_frames_that_sampling_asks_for(pattern):
    batches = arrays(pipeline.evaluation_batches(pattern, every(), 4))
    assert [len(b["mask"]) for b in batches] == [4, 4, 3]
    rows = joined(batches)
    assert rows["id"].tolist() == [f"v{n:04}".encode() for n in range(NUM_VIDEOS)]
    assert rows["ordinal"].tolist() == list(range(NUM_VIDEOS))
    assert set(rows["start"]) == {-1} and rows["rated"].all()
    for number, length in enumerate(itertools.chain(*LENGTHS)):
        frames = np.arange(2 if length > 2 else 0, min(23, length), 5)
        expected = np.zeros((5, 5), np.uint8)
        expected[: len(frames)] = frames_of(number, length)[frames]
        np.testing.assert_array_equal(rows["frames"][number], expected)
        np.testing.assert_array_equal(rows["mask"][number], np.arange(5) < len(frames))
        np.testing.assert_array_equal(np.flatnonzero(rows["labels"][number]), [label(number)])


def joined(batches):
    return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}


@pytest.mark.parametrize("kind", ["rated_segments", "windows"])
def test_segments_hold_their_own_frames(pattern, kind):
    rows = joined(arrays(pipeline.evaluation_batches(pattern, data(), 3, kind)))
    expected = [
        (number, s)
        for number, length in enumerate(itertools.chain(*LENGTHS))
        for s in range(0, length if kind == "rated_segments" else length - 4, 5)
    ]
    assert list(zip(rows["id"], rows["start"], strict=True)) == [(f"v{n:04}".encode(), s) for n, s in expected]
    assert rows["ordinal"].tolist() == list(range(len(expected)))
    lengths = list(itertools.chain(*LENGTHS))
    for i, (number, start) in enumerate(expected):
        frames = frames_of(number, lengths[number])[start : start + 5]
        np.testing.assert_array_equal(rows["frames"][i][: len(frames)], frames)
        assert not rows["frames"][i][len(frames) :].any()
        assert rows["mask"][i].tolist() == [t < len(frames) for t in range(5)]
        assert rows["rated"][i].nonzero()[0].tolist() == ([number % 5] if kind == "rated_segments" else [])
        assert rows["labels"][i].sum() == (start // 5 % 2 if kind == "rated_segments" else 0)


def test_random_bags_are_frames_of_the_video(pattern):
    scheme = config.Sampling(num_frames=8, trim_frames=4)
    rows = joined(arrays(training(pattern, data(sampling=scheme), batch_size=NUM_VIDEOS, num_epochs=1)))
    lengths = dict(enumerate(itertools.chain(*LENGTHS)))
    for bag, mask, labels in zip(rows["frames"], rows["mask"], rows["labels"], strict=True):
        number = int(np.flatnonzero(labels)[0])
        trim = 4 if lengths[number] > 8 else 0
        allowed = {f.tobytes() for f in frames_of(number, lengths[number])[trim : lengths[number] - trim]}
        assert mask.all() == mask.any() == bool(allowed)
        assert not allowed or {f.tobytes() for f in bag} <= allowed


def test_held_out_videos_are_never_trained_on(pattern):
    held = joined(arrays(pipeline.evaluation_batches(pattern, every(), 4, holdout_fraction=0.4, only_holdout=True)))
    rest = joined(arrays(pipeline.evaluation_batches(pattern, every(), 4, holdout_fraction=0.4)))
    trained = joined(arrays(training(pattern, every(), holdout_fraction=0.4, num_epochs=1)))
    assert all(holdout.in_holdout(i.decode(), 0.4) for i in held["id"])
    assert sorted([*held["id"], *rest["id"]]) == [f"v{n:04}".encode() for n in range(NUM_VIDEOS)]
    assert sorted(identities([trained])) == sorted(identities([rest]))


def test_summary(pattern):
    found = pipeline.summarise(pattern, data(), segment_labels=True)
    lengths = list(itertools.chain(*LENGTHS))
    rated = [-(-length // 5) for length in lengths]
    beyond = [len(range(0, length + 5, 5)) - r for length, r in zip(lengths, rated, strict=True)]
    assert found == pipeline.Summary(NUM_VIDEOS, sum(rated), sum(beyond), sum(rated), (0, 1, 2, 3, 4))
    parts = [pipeline.summarise(pattern, data(), True, 0.4, only) for only in (False, True)]
    assert sum(p.videos for p in parts) == NUM_VIDEOS and sum(p.segments for p in parts) == sum(rated)
    assert pipeline.summarise(pattern, data()) == pipeline.Summary(NUM_VIDEOS, 0, 0, 0, ())


def test_remote_shards_give_the_batches_of_local_ones(pattern, tmp_path):
    for path in tf.io.gfile.glob(pattern):
        tf.io.gfile.copy(path, "ram://bucket/" + path.rsplit("/", 1)[-1], overwrite=True)
    remote, cached = "ram://bucket/*.tfrecord", every(shuffle_shards=2, cache_dir=str(tmp_path))
    local = arrays(training(pattern, every(shuffle_shards=2)))
    assert equal(arrays(training(remote, cached)), local)
    assert equal(
        arrays(pipeline.evaluation_batches(remote, cached, 4)), arrays(pipeline.evaluation_batches(pattern, every(), 4))
    )


@pytest.mark.parametrize("room", [0, 100, 2**31])
@pytest.mark.parametrize("shuffle_shards", [0, 2])
def test_rated_segments_from_memory_are_those_from_files(pattern, tmp_path, monkeypatch, room, shuffle_shards):
    plain = every(shuffle_shards=shuffle_shards, cache_bytes=0)
    expected = arrays(training(pattern, plain, segment_labels=True, num_epochs=3))
    read, read_one = [], FrameReader.read
    monkeypatch.setattr(FrameReader, "read", lambda *args: read.append(args[1]) or read_one(*args))
    settings = every(shuffle_shards=shuffle_shards, cache_bytes=room)
    assert equal(arrays(training(pattern, settings, segment_labels=True, num_epochs=3)), expected)
    items = sum(-(-length // 5) for length in itertools.chain(*LENGTHS))
    if room < 2**31:
        # 100 bytes hold the four segments of one shard at most.
        assert len(read) > 3 * items - 2 * 5
    else:
        assert len(read) == items


def test_segments_in_memory_need_no_remote_shards_any_more(pattern):
    for path in tf.io.gfile.glob(pattern):
        tf.io.gfile.copy(path, "ram://rated/" + path.rsplit("/", 1)[-1], overwrite=True)
    batches = iter(training("ram://rated/*.tfrecord", every(shuffle_shards=1), segment_labels=True, num_epochs=9))
    seen = 0
    while seen <= 4:  # epochs; some batches are made ahead
        seen = int(next(batches)["position"][0])
    for path in tf.io.gfile.glob("ram://rated/*"):
        tf.io.gfile.remove(path)
    assert int(list(batches)[-1]["position"][0]) == 9


def test_memory_of_a_batch_is_used_again_only_once_it_is_free():
    lent = Buffers()
    first = lent.array((3, 5), np.uint8)
    first[:] = 7
    part, address = first[1:, 2], first.ctypes.data
    del first
    other = lent.array((5, 3), np.uint8)
    other[:] = 9
    assert part.tolist() == [7, 7] and address % 64 == other.ctypes.data % 64 == 0
    del part
    assert lent.array((15,), np.int8).ctypes.data == address


def test_batches_that_are_held_do_not_change(pattern):
    held = list(training(pattern, every(), num_epochs=6))
    assert equal(arrays(held), arrays(training(pattern, every(), num_epochs=6)))


def test_batches_that_are_copied_to_a_device_ahead_are_the_same_and_so_are_errors(pattern, tmp_path):
    device = "/cpu:0"  # stands for the GPU that a test may not have
    expected = arrays(training(pattern, every()))
    assert equal(arrays(training(pattern, every(), device=device)), expected)
    write(tmp_path / "a", [video(n, 9) for n in range(9)])
    (tmp_path / "b").write_bytes(b"a text, not records")
    with pytest.raises(UserError, match=r"/b: offset 0: not a TFRecord file[^\n]*$"):
        arrays(training(f"{tmp_path}/*", every(shuffle_shards=1), device=device))


def test_what_is_read_after_every_step_is_never_sent_to_the_device(pattern):
    """Fetched from there, it would come after all that the device has been given to do."""
    batch = next(iter(training(pattern, every(), device="/cpu:0")))
    assert {name for name, value in batch.items() if isinstance(value, np.ndarray)} == {"position"}


def test_video_level_files_give_one_float_frame(tmp_path):
    records = [video_level(n, [label(n)]) for n in range(5)]
    path = write(tmp_path / "a", [raw for raw, _ in records])
    rows = joined(arrays(pipeline.evaluation_batches(path, data(), 2)))
    np.testing.assert_array_equal(rows["frames"][:, 0], [means for _, means in records])
    assert rows["mask"].shape == (5, 1) and rows["mask"].all()
    assert sorted(identities(arrays(training(path, data(), num_epochs=1)))) == sorted(identities([rows]))
    with pytest.raises(UserError, match="video-level records, which have no segments"):
        pipeline.evaluation_batches(path, data(), 2, "windows")
    write(tmp_path / "b", [video(9, 3)])
    with pytest.raises(UserError, match="mixes video-level and frame-level"):
        arrays(pipeline.evaluation_batches(f"{tmp_path}/*", data(), 2))


@pytest.mark.parametrize("first", [0, 1])
def test_one_file_that_mixes_levels_is_refused(tmp_path, first):
    kinds = [video_level(0)[0], video(1, 3)]
    path = write(tmp_path / "a", [kinds[first], kinds[1 - first]])
    with pytest.raises(UserError, match=f"{path} mixes video-level and frame-level"):
        pipeline.evaluation_batches(path, data(), 2)


def test_files_without_a_single_item_are_said(tmp_path):
    path = write(tmp_path / "a", [video(0, 3), video(1, 3)])
    with pytest.raises(UserError, match=r"--train_data_pattern=.*: holds no rated segments; name files with"):
        training(path, data(), segment_labels=True)
    other = write(tmp_path / "b", [video(2, 3)])
    with pytest.raises(UserError, match="holds no rated segments"):
        arrays(training(f"{path},{other}", data(shuffle_shards=1), segment_labels=True, num_epochs=None, max_steps=1))
    with pytest.raises(UserError, match=r"--eval_data_pattern=.*--segment_window"):
        arrays(pipeline.evaluation_batches(path, data(), 2, "windows"))


def test_errors_on_the_way_stay_readable(tmp_path):
    write(tmp_path / "a", [video(0, 3)])
    (tmp_path / "b").write_bytes(b"a text, not records")
    with pytest.raises(UserError, match=r"/b: offset 0: not a TFRecord file[^\n]*$"):
        arrays(pipeline.evaluation_batches(f"{tmp_path}/*", data(), 2))


def test_a_position_beyond_the_data_is_said(pattern):
    for position in ((0, 1, 0), (0, 0, 99)):
        with pytest.raises(UserError, match="beyond the training data"):
            training(pattern, every(), position)


def test_real_videos_make_batches():
    features = config.Features(("audio_embedding",), (128,))
    settings = config.Data(features=features, num_classes=527, segment_size=2, segment_window=(0, 0), **UNTOUCHED)
    path = str(shared_data("audioset", "validate", "0000.tfrecord"))
    rows = joined(arrays(training(path, settings, segment_labels=True, num_epochs=1, batch_size=128)))
    assert rows["frames"].shape[1:] == (2, 128) and rows["mask"].any(axis=1).all()
    windows = joined(arrays(pipeline.evaluation_batches(path, settings, 128, "windows")))
    assert len(set(zip(windows["id"], windows["start"], strict=True))) == len(windows["id"])
    means = str(shared_data("yt8m_video", "validate0000.tfrecord"))
    rows = joined(arrays(pipeline.evaluation_batches(means, config.Data(**UNTOUCHED), 128)))
    assert rows["frames"].shape[1:] == (1, 1152) and rows["labels"].any(axis=1).all()


@pytest.mark.parametrize("blocks", [64, 3])
@pytest.mark.parametrize("kind", ["videos", "windows"])
def test_workers_have_the_same_batches_between_them_however_many_they_are(pattern, monkeypatch, blocks, kind):
    monkeypatch.setattr(file_patterns, "_BLOCKS", blocks)

    def batches(part):
        found = arrays(pipeline.evaluation_batches(pattern, every(), 3, kind, part=part))
        return [{name: batch[name] for name in ("id", "start", "frames", "mask")} for batch in found]

    whole = batches((0, 1))
    for workers in (2, 3):
        assert equal([batch for worker in range(workers) for batch in batches((worker, workers))], whole)
    for name, column in joined(batches(None)).items():
        np.testing.assert_array_equal(joined(whole)[name], column)
