"""Fixtures of the Squarespace driver's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses


@pytest.fixture
def wire() -> Iterator[None]:
    """Requests are answered from what the test queues; everything queued must have been asked for."""
    with responses.mock:
        yield
