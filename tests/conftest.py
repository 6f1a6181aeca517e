"""What all tests share: the option --slow, where real data lies, and quiet libraries."""

import os
from pathlib import Path

# Before anything imports Keras or TensorFlow, which read these once.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import hypothesis
import pytest

from tests import arithmetic

ROOT = Path(__file__).resolve().parent.parent

# Tests assert results, never times; the first example of a property may trace a function or load TensorFlow.
hypothesis.settings.register_profile("no_deadline", parent=hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("no_deadline")


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow as well")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="slow: run with --slow")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def same_arithmetic_everywhere():
    arithmetic.stay_in_float32()


@pytest.fixture(scope="session", autouse=True)
def messages_on_standard_error():
    """Messages go to standard error, as in a command."""
    from yt8m_attention import progress

    progress.log_to_console()


@pytest.fixture(scope="session")
def shared_data():
    """The directory of real data, which is no part of the repository; without it the test is skipped."""
    path = Path(os.environ.get("YT8M_SHARED_DATA") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        pytest.skip(f"no real data at {path}; YT8M_SHARED_DATA names another place")
    return path


PLANTED_FEATURES = {"feature_names": "rgb,audio", "feature_sizes": "24,8", "num_classes": "6"}


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    """A tiny planted data set: frames of 24 + 8 features, 6 classes, 4 of them rated."""
    from yt8m_attention.config import Features
    from yt8m_attention.synthesis import dataset
    from yt8m_attention.synthesis.config import SynthesisConfig

    folder = tmp_path_factory.mktemp("planted")
    recipe = SynthesisConfig(60, 40, 30, 6, 4, Features(("rgb", "audio"), (24, 8)), (50, 70), per_shard=15, seed=3)
    dataset.make(recipe, str(folder))
    return folder
