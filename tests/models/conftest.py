"""Returns the networks that a test has used."""

import pytest

from tests.models import network_case


@pytest.fixture(autouse=True)
def networks_are_given_back():
    yield
    network_case.give_back()
