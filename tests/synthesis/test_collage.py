"""Collage: scenes and their labels come from real videos; splits share no real video."""

import glob
import os

import numpy as np
import pytest

from yt8m_attention.config import Features
from yt8m_attention.data import holdout
from yt8m_attention.data.formats import writer
from yt8m_attention.errors import UserError
from yt8m_attention.ops.quantize import dequantize
from yt8m_attention.synthesis import collage, dataset, scenes
from yt8m_attention.synthesis.config import SPLITS, SynthesisConfig

SMALL = Features(("rgb", "audio"), (6, 2))
REAL = 300
CLASSES = 30


def real_videos():
    """(labels, mean as bytes [1, F]) of each synthetic source; classes 0 and 1 are too common, 29 is too rare."""
    rng = np.random.default_rng(5)
    for number in range(REAL):
        labels = {number % 2, 2 + number % 27} | ({29} if number < 3 else set())
        yield labels, rng.integers(40, 216, (1, SMALL.total), dtype=np.uint8)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    raw = [writer.video_record(f"{i:04d}", *video, SMALL) for i, video in enumerate(real_videos())]
    for shard in range(3):
        writer.write_shard(str(folder / f"validate{shard:04d}.tfrecord"), raw[shard::3])
    return str(folder / "validate*.tfrecord")


def config_of(sources, segment_classes=None, classes=CLASSES, features=SMALL, seed=0):
    return SynthesisConfig(
        6, 4, 4, classes, segment_classes, features, (60, 90), per_shard=4, sources=sources, seed=seed
    )


def test_reads_means_and_labels(sources):
    means, labels = collage.read_means(sources, SMALL, CLASSES)
    expected = list(real_videos())
    order = [i for shard in range(3) for i in range(shard, REAL, 3)]
    assert [set(found.tolist()) for found in labels] == [expected[i][0] for i in order]
    np.testing.assert_allclose(means, dequantize(np.concatenate([expected[i][1] for i in order])), atol=1e-6)


def test_labels_beyond_the_classes_are_left_out(sources):
    means, labels = collage.read_means(sources, SMALL, 1)  # every second video has class 0
    assert len(means) == REAL // 2 and {tuple(found) for found in labels} == {(0,)}


def test_segment_classes_are_neither_rare_nor_common(sources):
    assert collage.Collage(config_of(sources)).segment_classes == frozenset(range(2, 29))
    assert len(collage.Collage(config_of(sources, segment_classes=5)).segment_classes) == 5


def test_splits_use_disjoint_real_videos_and_scenes_carry_their_labels(sources):
    composer = collage.Collage(config_of(sources))
    groups = composer.pools | {"held out": composer.held_out}
    used = {group: set() for group in groups}
    for split in SPLITS:
        for index in range(60):
            name = dataset.video_id(0, index)
            video = composer.compose(np.random.default_rng(index), split, name, 100, 5)
            indices = [int(np.flatnonzero((composer.means == scene.mean).all(axis=1))[0]) for scene in video.scenes]
            assert len(set(indices)) == len(indices)
            assert [scene.classes for scene in video.scenes] == [frozenset(composer.labels[i]) for i in indices]
            assert video.classes <= frozenset().union(*(scene.classes for scene in video.scenes))
            assert all(video.windows(label) for label in video.classes)
            # Held-out videos of phase 2 use other real videos than its training videos.
            held_out = split == "validate" and holdout.in_holdout(name, 0.1)
            used["held out" if held_out else split] |= set(indices)
    assert sum(map(len, groups.values())) == REAL == len(set(np.concatenate(list(groups.values())).tolist()))
    assert all(used[group] and used[group] <= set(pool.tolist()) for group, pool in groups.items())


def test_most_scenes_beside_the_topics_are_near_them(sources):
    """A scene is a neighbour by choice or, rarely, because it was drawn from the whole pool."""
    composer, near = collage.Collage(config_of(sources)), []
    pool = composer.pools["train"]
    for index in range(150):
        chosen = composer._choose(np.random.default_rng(index), pool, 6, 1)
        nearest = pool[np.argsort(-(composer.units[pool] @ composer.units[chosen[0]]))[: 1 + collage.NEIGHBOURS]]
        near += [other in nearest for other in chosen[1:]]
    assert np.mean(near) == pytest.approx(collage.NEAR + (1 - collage.NEAR) * collage.NEIGHBOURS / len(pool), abs=0.06)


def test_false_labels_come_from_the_split(sources):
    composer = collage.Collage(config_of(sources))
    for split in ("train", "test"):
        assert len(composer.spurious(split)) == sum(len(composer.labels[i]) for i in composer.pools[split])


def test_writes_a_set_and_the_same_again(sources, tmp_path):
    results = [dataset.make(config_of(sources), str(tmp_path / name)) for name in ("a", "b")]
    assert results[0]["videos"] == 14 and results[0]["rated_pairs"] == results[1]["rated_pairs"] > 0
    for path in glob.glob(str(tmp_path / "a" / "**" / "*.*"), recursive=True):
        with open(path, "rb") as one, open(path.replace("/a/", "/b/"), "rb") as other:
            assert one.read() == other.read()


def test_bad_sources_leave_nothing_behind(sources, tmp_path):
    (tmp_path / "text.tfrecord").write_text("no records here, though it is long enough for a header")
    for bad, message in (
        (config_of(str(tmp_path / "none*")), "--sources=.*matches no files"),
        (config_of(str(tmp_path / "text.tfrecord")), r"text\.tfrecord: no TFRecord file"),
        (config_of(sources, features=Features(("rgb", "audio"), (6, 3))), r"validate0000.*\(6, 2\).*--feature_sizes"),
        (config_of(sources, features=Features(("video",), (6,))), r"mean_video.*\(0,\)"),
        (config_of(sources, segment_classes=28), "--num_segment_classes=28.* 27 classes"),
        (config_of(sources, classes=1), "--num_segment_classes"),
    ):
        with pytest.raises(UserError, match=message):
            dataset.make(bad, str(tmp_path / "set"))
        assert not os.path.exists(tmp_path / "set")


def test_real_videos():
    """On real YouTube-8M videos: positives and negatives have the expected proportion."""
    shared = os.environ.get("YT8M_SHARED_DATA") or os.path.join(os.path.dirname(__file__), "../../../shared/data")
    pattern = os.path.join(shared, "yt8m_video", "*.tfrecord")
    if not glob.glob(pattern):
        pytest.skip(f"no real videos at {pattern}")
    composer = collage.Collage(config_of(pattern, classes=3862, features=Features()))
    assert len(composer.segment_classes) >= 50
    scores = []
    for index in range(60):
        rng = np.random.default_rng(index)
        video = composer.compose(rng, "test", "none", 200, 5)
        scores += [score for _, _, score in scenes.rate(rng, video, composer.segment_classes, 5)]
    assert 0.4 < np.mean(scores) < 0.75
