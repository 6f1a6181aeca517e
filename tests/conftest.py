"""What all tests share: the option --slow, where real data lies, and quiet libraries."""

import os
from pathlib import Path

# Before anything imports Keras or TensorFlow, which read these once.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import hypothesis
import pytest

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


@pytest.fixture(scope="session")
def shared_data():
    """The directory of real data, which is no part of the repository; without it the test is skipped."""
    path = Path(os.environ.get("YT8M_SHARED_DATA") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        pytest.skip(f"no real data at {path}; YT8M_SHARED_DATA names another place")
    return path
