"""A NaN score is reported with the checkpoint, the class and the video."""

import os

import numpy as np
import pytest
import tensorflow as tf

from yt8m_attention.config import Data, Features
from yt8m_attention.errors import UserError
from yt8m_attention.inference import rank


class Diverged:
    """Gives NaN for one class of every bag."""

    def __call__(self, inputs, training):
        rows = tf.shape(inputs["mask"])[0]
        return {"probabilities": tf.tile([[0.5, 0.5, float("nan"), 0.5, 0.5, 0.5]], [rows, 1])}


@pytest.mark.parametrize("stride", [None, 3])
def test_nan_names_the_checkpoint_the_class_and_the_video(planted, tmp_path, stride):
    data = Data(features=Features(("rgb", "audio"), (24, 8)), num_classes=6, segment_classes=(0, 2))
    job = rank.RankingJob(
        f"{planted}/test/*.tfrecord",
        data,
        f"{tmp_path}/s.csv",
        f"{tmp_path}/s.npz",
        window_stride=stride,
        scorer="run/checkpoints/step-00000007.npz",
    )
    for write in (rank.rank_segments, rank.rank_classes):
        with pytest.raises(
            UserError, match=r"^run/checkpoints/step-00000007\.npz: gives NaN for class 2 of video b'.*'"
        ):
            write(Diverged(), job, 5)
    assert os.listdir(tmp_path) == []


def test_infinite_scores_have_ranks(tmp_path):
    parts = [(np.array([b"a", b"b", b"c"]), np.array([0, 0, 0]), np.array([[np.inf], [-np.inf], [0]], np.float32))]
    rank.write_ranking(parts, np.array([4]), rank.RankingJob("x", Data(), f"{tmp_path}/s.csv"), 9)
    assert (tmp_path / "s.csv").read_text() == "Class,Segments\n4,a:0 c:0 b:0\n"
