"""How training's bags vary, and that nothing else of them does."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.record_helpers import data, frames_of, video, write
from yt8m_attention import config
from yt8m_attention.data import augmentation, pipeline, sampling

LENGTHS = [23, 1, 40, 12, 5, 31, 17, 9, 28, 36]
ALL = data(sampling=config.Sampling("all", trim_frames=0, max_frames=40))


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    path = tmp_path_factory.mktemp("shards") / "0.tfrecord"
    rated = [[(start, number, start // 5 % 2) for start in range(0, n, 5)] for number, n in enumerate(LENGTHS)]
    write(path, [video(number, n, [number], rated[number]) for number, n in enumerate(LENGTHS)])
    return str(path)


def batches(pattern, varied=config.Augmentation(), scheme=ALL, position=None, **phase):
    phase = config.Phase(**{"batch_size": 4, "num_epochs": 3, "augmentation": varied, **phase})
    return [
        {k: np.asarray(v) for k, v in batch.items()}
        for batch in pipeline.training_batches(pattern, scheme, phase, 5, position)
    ]


def bags(found):
    """(the frames, no padding, and labels) of every bag."""
    return [
        (frames[mask], labels)
        for batch in found
        for frames, mask, labels in zip(batch["frames"], batch["mask"], batch["labels"], strict=True)
    ]


RANDOM = dataclasses.replace(ALL, sampling=config.Sampling("random", num_frames=20, trim_frames=0))


@pytest.mark.parametrize("scheme", [ALL, RANDOM], ids=["all", "random"])
@pytest.mark.parametrize("segment_labels", [False, True])
def test_reversed_bags_have_their_frames_in_reverse_order_and_nothing_else_changed(pattern, scheme, segment_labels):
    plain = bags(batches(pattern, scheme=scheme, segment_labels=segment_labels))
    turned = bags(batches(pattern, config.Augmentation(reversed_videos=1), scheme, segment_labels=segment_labels))
    some = bags(batches(pattern, config.Augmentation(reversed_videos=0.5), scheme, segment_labels=segment_labels))
    assert len(plain) == len(turned) == len(some)
    ways = {}
    for (frames, labels), (backwards, same), (either, _) in zip(plain, turned, some, strict=True):
        np.testing.assert_array_equal(backwards, frames[::-1])
        np.testing.assert_array_equal(same, labels)
        turned_round = np.array_equal(either, backwards)
        assert turned_round or np.array_equal(either, frames)
        if len(frames) > 1:
            name = labels.tobytes() + (np.sort(frames, axis=0).tobytes() if segment_labels else b"")
            ways.setdefault(name, set()).add(turned_round)
    assert {False, True} in ways.values()  # the same bag, in one epoch and in another


def test_dropped_segments_are_whole_ones_and_something_is_left(pattern):
    kept = {True: 0, False: 0}
    for frames, labels in bags(batches(pattern, config.Augmentation(dropped_segments=0.4), num_epochs=20)):
        number = int(labels.argmax())
        whole = frames_of(number, LENGTHS[number])
        segments = np.split(whole, range(5, len(whole), 5))
        there = [any(np.array_equal(segment[0], frame) for frame in frames) for segment in segments]
        np.testing.assert_array_equal(frames, np.concatenate([s for s, t in zip(segments, there, strict=True) if t]))
        if len(segments) > 4:  # of a few, all may have been drawn, and then all stay
            for is_kept in there:
                kept[is_kept] += 1
    assert kept[False] / sum(kept.values()) == pytest.approx(0.4, abs=0.04)


def test_dropped_segments_differ_by_epoch_and_rated_segments_stay_whole(pattern):
    varied = config.Augmentation(dropped_segments=0.5)
    found = bags(batches(pattern, varied, batch_size=len(LENGTHS), num_epochs=2))
    epochs = [{int(labels.argmax()): frames.tobytes() for frames, labels in part} for part in (found[:10], found[10:])]
    assert epochs[0].keys() == epochs[1].keys() and epochs[0] != epochs[1]
    plain, dropped = (batches(pattern, a, segment_labels=True) for a in (config.Augmentation(), varied))
    for a, b in zip(plain, dropped, strict=True):
        np.testing.assert_array_equal(a["frames"], b["frames"])


@given(st.integers(0, 2**32), st.integers(1, 9), st.floats(0, 0.99), st.floats(0, 1))
def test_bags_hold_their_own_frames_in_some_order(seed, size, dropped, turned):
    """Whatever is drawn; and no more draws decide than the video's own."""
    rng = np.random.default_rng(seed)
    indices, lengths = np.sort(rng.integers(0, 50, (6, size)), axis=1), rng.integers(0, size + 1, 6)
    varied = config.Augmentation(reversed_videos=turned, dropped_segments=dropped)

    def vary(rows):
        def draw(numbers):
            return sampling.draws(seed, 3, np.arange(6)[rows], numbers)

        return augmentation.vary(varied, indices[rows], lengths[rows], draw, np.full(len(rows), -1), 5)

    found, counts = vary(np.arange(6))
    for row, (before, after) in enumerate(zip(lengths, counts, strict=True)):
        assert bool(before) == bool(after) and after <= before
        left = list(indices[row, :before])
        for frame in found[row, :after]:
            left.remove(frame)
        assert not {i // 5 for i in left} & {i // 5 for i in found[row, :after]}
        alone, count = vary(np.array([row]))
        np.testing.assert_array_equal(alone[0, : count[0]], found[row, :after])


@settings(max_examples=6, deadline=None)
@given(st.booleans(), st.data())
def test_a_stream_goes_on_exactly(pattern, segment_labels, draw):
    everything = config.Augmentation(virtual_segments=0.4, reversed_videos=0.5, dropped_segments=0.3)
    found = batches(pattern, everything, segment_labels=segment_labels)
    at = draw.draw(st.integers(0, len(found) - 1))
    again = batches(pattern, everything, position=found[at]["position"], segment_labels=segment_labels)
    assert len(again) == len(found) - at - 1
    for a, b in zip(again, found[at + 1 :], strict=True):
        for name in a:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_shares_of_virtual_segments_are_new_in_every_batch_and_follow_their_distribution(pattern):
    assert "mixup_lambda" not in batches(pattern)[0]
    found = batches(pattern, config.Augmentation(virtual_segments=0.4))
    assert [batch["mixup_lambda"].shape for batch in found] == [batch["mask"].shape[:1] for batch in found]
    assert len({batch["mixup_lambda"].tobytes() for batch in found}) == len(found)
    shares = augmentation.mixup_lambdas(config.Augmentation(virtual_segments=2.0), 20_000, 1, (0, 0, 7))
    assert shares.dtype == np.float32 and (shares.min() >= 0) and (shares.max() <= 1)
    assert shares.mean() == pytest.approx(0.5, abs=0.01) and shares.var() == pytest.approx(0.05, abs=0.002)
    for alpha in (0.01, 100):
        assert np.isfinite(
            augmentation.mixup_lambdas(config.Augmentation(virtual_segments=alpha), 1000, 0, (0, 0, 1))
        ).all()


def test_evaluation_varies_nothing(pattern):
    for batch in pipeline.evaluation_batches(pattern, ALL, 4):
        for frames, mask, labels in zip(*(batch[k].numpy() for k in ("frames", "mask", "labels")), strict=True):
            number = int(labels.argmax())
            np.testing.assert_array_equal(frames[mask], frames_of(number, LENGTHS[number]))
