"""The settings of a run follow from flagfiles, given flags and defaults."""

import pytest

from benchmarks import run_settings
from yt8m_attention.config import Model, Phase
from yt8m_attention.errors import UserError


def effective(data, model, given=()):
    return run_settings.effective(data, [model], given)[model]


def test_flagfiles_and_defaults_of_each_phase_apply():
    found = effective("audioset", "multi_attention_1")
    assert [found[phase]["max_steps"] for phase in ("phase1", "phase2")] == [1730, 160]
    assert [found[phase]["segment_labels"] for phase in ("phase1", "phase2")] == [False, True]
    for settings in found.values():
        assert (settings["num_classes"], settings["num_heads"], settings["segment_size"]) == (527, 8, 2)
        assert settings["video_level_classifier_model"] == "logistic"
        assert settings["clip_gradient_norm"] == Phase.clip_gradient_norm
        assert settings["dbof_cluster_size"] == Model.dbof_cluster_size
    assert found["phase2"]["holdout_fraction"] == 0.1


def test_a_flag_changes_only_itself():
    changed = effective("collage", "attention_3", ["--precision=mixed_bfloat16"])
    assert run_settings.differences(effective("collage", "attention_3"), changed) == [
        f"{phase} --precision: auto there, mixed_bfloat16 here" for phase in ("phase1", "phase2")
    ]


def test_each_network_has_its_settings():
    both = run_settings.effective("collage", ["attention_3", "mean_pooling"])
    assert {name: settings["phase1"]["model"] for name, settings in both.items()} == {
        "attention_3": "attention", "mean_pooling": "frame_pooling",
    }  # fmt: skip


def test_unknown_flags_are_refused():
    with pytest.raises(UserError, match="no_such_flag"):
        effective("collage", "attention_3", ["--no_such_flag=1"])


def test_a_flag_of_one_side_only_is_no_difference():
    found = effective("collage", "attention_3")
    older = {phase: dict(settings) for phase, settings in found.items()}
    for settings in older.values():
        del settings["prior_probability"]
        settings["since_removed"] = 1
    assert run_settings.differences(older, found) == run_settings.differences(found, older) == []
