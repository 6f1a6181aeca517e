"""Videos to show are selected in file order, and the search shows its progress."""

import numpy as np
import pytest

from tests.training import runs
from yt8m_attention.config import Data
from yt8m_attention.data import holdout, user_features
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import attention_images, shown_videos
from yt8m_attention.models import registry

DATA = Data(features=runs.FEATURES, num_classes=6)


@pytest.fixture
def pattern(planted):
    return f"{planted}/validate/*.tfrecord"


def positive(video):
    return any(score > 0 for _, _, score in video.ratings)


def test_positives_come_first_and_otherwise_the_order_is_unchanged(pattern, capsys):
    everything = [video.id for video in user_features.videos(pattern, DATA.features)]
    found = shown_videos.first(pattern, DATA, "x")
    assert sorted(video.id for video in found) == sorted(everything)
    rank = [(not positive(video), everything.index(video.id)) for video in found]
    assert rank == sorted(rank)
    assert capsys.readouterr().err.startswith(f"{len(everything)} videos searched, ")


def test_held_out_excludes_other_labelled_videos(pattern, tmp_path):
    np.save(tmp_path / "own.npy", np.zeros((9, 32), np.uint8))
    found = {video.id for video in shown_videos.first(f"{pattern},{tmp_path}/own.npy", DATA, "x", 0.4)}
    everything = [video.id for video in user_features.videos(pattern, DATA.features)]
    assert found == {"own"} | {name for name in everything if holdout.in_holdout(name, 0.4)}


def test_named_videos_come_in_the_requested_order(pattern):
    ids = [video.id for video in user_features.videos(pattern, DATA.features)]
    assert [video.id for video in shown_videos.named((ids[7], ids[2]), pattern, DATA, "x")] == [ids[7], ids[2]]
    with pytest.raises(UserError, match="--video_ids: nobody not in --x="):
        shown_videos.named((ids[0], "nobody"), pattern, DATA, "x")


def test_reading_stops_after_the_last_named_video(pattern, capsys):
    ids = [video.id for video in user_features.videos(pattern, DATA.features)]
    shown_videos.named((ids[2],), pattern, DATA, "x")
    assert capsys.readouterr().err.startswith("3 videos searched, ")


def test_attention_images_show_their_progress(pattern, planted, tmp_path, capsys):
    model = registry.build(runs.small(planted, tmp_path, model=runs.FULL).model)
    assert len(attention_images.make(model, pattern, DATA)) == attention_images._VIDEOS
    assert "40 videos searched, " in capsys.readouterr().err
