"""How fast a network is, from the runs that a comparison leaves behind."""

from benchmarks import network_speed
from tests.training import runs
from yt8m_attention.training import phase


def test_a_networks_rates_are_read_off_its_finished_run(planted, tmp_path):
    phase.train(runs.small(planted, tmp_path / "phase1", max_steps=1), {})
    phase.train(runs.small(planted, tmp_path / "phase2", True, max_steps=1), {})
    rates = network_speed.measure(tmp_path, rounds=2)
    assert set(rates) == {"examples_per_second", "segments_per_second"} and all(rate > 0 for rate in rates.values())
