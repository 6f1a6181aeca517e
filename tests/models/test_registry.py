import pytest

from yt8m_attention import config
from yt8m_attention.errors import UserError
from yt8m_attention.models import registry


def test_names_are_sorted_and_hold_the_papers_networks():
    assert registry.names() == sorted(registry.names())
    compared = {"video_level", "frame_pooling", "dbof", "netvlad", "cnn", "gru", "lstm"}
    assert {"attention", "multi_attention", *compared} <= set(registry.names())


def test_unknown_name_is_rejected_with_the_known_ones():
    with pytest.raises(UserError, match=r"--model: found 'Attention', wanted one of attention, cnn, .*multi_attention"):
        registry.build(config.Model(model="Attention"))
