import keras
import numpy as np
import pytest
import tensorflow as tf

import yt8m_attention
from yt8m_attention.errors import UserError
from yt8m_attention.layers.dequantize import Dequantize

SIZES = {"rgb": 24, "audio": 8}
CLASSES, SEGMENT, LONGEST = 6, 5, 70
PLANTED = {"feature_names": tuple(SIZES), "feature_sizes": tuple(SIZES.values()), "num_classes": CLASSES,
           "max_frames": LONGEST, "index_dir": "none"}  # fmt: skip


def load(folder, split, *arguments, **named):
    return yt8m_attention.load(f"{folder}/{split}/*.tfrecord", *arguments, **(PLANTED | named))


def reference(folder, split):
    """Records as tf.data's guide reads them: dicts of numpy arrays, in file order."""
    names = ("labels", "segment_start_times", "segment_labels", "segment_scores")
    types = {name: tf.float32 if name == "segment_scores" else tf.int64 for name in names}
    for path in sorted(folder.glob(f"{split}/*.tfrecord")):
        for record in tf.data.TFRecordDataset(str(path)):
            context, lists = tf.io.parse_single_sequence_example(
                record,
                {"id": tf.io.FixedLenFeature([], tf.string)} | {n: tf.io.VarLenFeature(types[n]) for n in names},
                {name: tf.io.FixedLenSequenceFeature([], tf.string) for name in SIZES},
            )
            frames = tf.concat([tf.io.decode_raw(lists[name], tf.uint8) for name in SIZES], axis=1)
            values = {name: context[name].values.numpy() for name in names}
            yield values | {"id": context["id"].numpy(), "frames": frames.numpy()}


def joined(dataset):
    batches = list(dataset)
    return {name: np.concatenate([batch[name].numpy() for batch in batches]) for name in batches[0]}


def one_hot(classes):
    return np.isin(np.arange(CLASSES), classes)


def test_videos_are_those_of_a_plain_reader(planted):
    dataset = load(planted, "train", batch_size=8)
    shapes = {name: (spec.shape.as_list(), spec.dtype.name) for name, spec in dataset.element_spec.items()}
    assert shapes == {
        "frames": ([None, LONGEST, 32], "uint8"), "mask": ([None, LONGEST], "bool"),
        "labels": ([None, CLASSES], "uint8"), "rated": ([None, CLASSES], "bool"),
        "id": ([None], "string"), "start": ([None], "int64"), "ordinal": ([None], "int64"),
    }  # fmt: skip
    rows, expected = joined(dataset), list(reference(planted, "train"))
    assert rows["id"].tolist() == [video["id"] for video in expected]
    assert rows["ordinal"].tolist() == list(range(len(expected))) and set(rows["start"]) == {-1}
    assert rows["rated"].all()
    for frames, mask, labels, video in zip(rows["frames"], rows["mask"], rows["labels"], expected, strict=True):
        np.testing.assert_array_equal(frames[mask], video["frames"])
        assert not frames[~mask].any() and mask[: len(video["frames"])].all()
        np.testing.assert_array_equal(labels, one_hot(video["labels"]))


@pytest.mark.parametrize("items", ["rated_segments", "windows"])
def test_segments_are_those_of_a_plain_reader(planted, items):
    dataset = load(planted, "validate", items, batch_size=16, segment_window=(10, 0))
    assert dataset.element_spec["frames"].shape.as_list() == [None, SEGMENT, 32]
    rows, expected = joined(dataset), {}
    for video in reference(planted, "validate"):
        if items == "windows":
            starts = range(10, len(video["frames"]) - SEGMENT + 1, SEGMENT)
        else:
            starts = np.unique(video["segment_start_times"]).tolist()
        for start in starts:
            here = (video["segment_start_times"] == start) & (items == "rated_segments")
            positive = video["segment_labels"][here & (video["segment_scores"] > 0)]
            frames = video["frames"][start : start + SEGMENT]
            expected[video["id"], start] = frames, one_hot(positive), one_hot(video["segment_labels"][here])
    found = list(zip(rows["id"].tolist(), rows["start"].tolist(), strict=True))
    assert found == list(expected)
    for frames, mask, labels, rated, wanted in zip(
        rows["frames"], rows["mask"], rows["labels"], rows["rated"], expected.values(), strict=True
    ):
        for value, other in zip((frames[mask], labels, rated), wanted, strict=True):
            np.testing.assert_array_equal(value, other)


@pytest.mark.parametrize("items, split", [("videos", "train"), ("rated_segments", "validate")])
def test_each_pass_has_all_items_in_a_new_order_that_the_seed_decides(planted, items, split):
    def passes(seed):
        dataset = load(planted, split, items, shuffle=True, seed=seed, batch_size=7)
        return [[row.tobytes() for row in joined(dataset)["frames"]] for _ in range(2)]

    once = sorted(row.tobytes() for row in joined(load(planted, split, items))["frames"])
    one, other = passes(3)
    assert one != other and sorted(one) == sorted(other) == once
    assert passes(3) == [one, other] and passes(4)[0] != one


def test_random_frames_are_drawn_anew_in_each_pass(planted):
    dataset = load(planted, "train", shuffle=True, frame_sampling="random", num_frames=9)
    assert dataset.element_spec["frames"].shape.as_list() == [None, 9, 32]
    one, other = (sorted(row.tobytes() for row in joined(dataset)["frames"]) for _ in range(2))
    assert one != other and len(one) == len(other)


def test_held_out_videos_and_the_others_are_all(planted):
    parts = [joined(load(planted, "train", holdout_fraction=0.4, only_holdout=only))["id"] for only in (False, True)]
    assert all(map(len, parts))
    assert sorted(np.concatenate(parts)) == sorted(joined(load(planted, "train"))["id"])


def network():
    inputs = {
        "frames": keras.Input((None, 32), dtype="uint8", name="frames"),
        "mask": keras.Input((None,), dtype="bool", name="mask"),
    }
    values = Dequantize()(inputs["frames"])
    pooled = keras.layers.GlobalAveragePooling1D()(values, mask=inputs["mask"])
    return keras.Model(inputs, keras.layers.Dense(CLASSES, "sigmoid")(pooled))


@pytest.mark.parametrize(
    "items, split, loss",
    [("videos", "train", "binary_crossentropy"), ("rated_segments", "validate", keras.ops.binary_crossentropy)],
)
def test_a_model_of_ones_own_learns_from_it(planted, items, split, loss):
    dataset = load(planted, split, items, shuffle=True, batch_size=16, as_supervised=True)
    keras.utils.set_random_seed(1)
    model = network()
    model.compile(keras.optimizers.Adam(0.05), loss)
    losses = model.fit(dataset, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]


def test_a_weight_counts_rated_pairs_alone(planted):
    model = network()
    model.compile(loss=keras.ops.binary_crossentropy)
    total = count = 0
    for inputs, labels, weights in load(planted, "validate", "rated_segments", as_supervised=True):
        values = keras.ops.binary_crossentropy(labels, model(inputs)) * weights
        total, count = total + float(tf.reduce_sum(values)), count + labels.shape[0] * labels.shape[1]
    dataset = load(planted, "validate", "rated_segments", as_supervised=True, batch_size=1000)
    assert model.evaluate(dataset, verbose=0) == pytest.approx(total / count, rel=1e-4)


@pytest.mark.parametrize(
    "named, message",
    [
        ({"pattern": "/none/*"}, r"^pattern=/none/\*: "),
        ({"items": "frames"}, "^items: found 'frames', wanted one of videos, rated_segments, windows$"),
        ({"batch_size": 0}, "^batch_size: found 0, wanted"),
        ({"num_classes": 0}, "^num_classes: found 0, wanted"),
        ({"feature_sizes": (24,)}, "^feature_sizes: found"),
        ({"frame_sampling": "some"}, "^frame_sampling: found 'some', wanted"),
        ({"frame_sampling": "random"}, "^frame_sampling: found 'random', wanted shuffle=True"),
        ({"holdout_fraction": 1.0}, "^holdout_fraction: found 1.0, wanted"),
        ({"only_holdout": True}, "^only_holdout: found True, wanted holdout_fraction"),
        ({"items": "windows", "as_supervised": True}, "^as_supervised: found True, wanted"),
        ({"items": "rated_segments", "shuffle": True}, r"^pattern=.*: holds no rated segments"),
    ],
)
def test_a_wrong_argument_is_named(planted, named, message):
    arguments = {"pattern": f"{planted}/train/*.tfrecord"} | PLANTED | named
    with pytest.raises(UserError, match=message) as error:
        yt8m_attention.load(**arguments)
    assert "\n" not in str(error.value)
