"""How many examples a property is tried with, and which.

By default the same few each time, so that a test that passed passes again. `make properties` tries others each time:
PROPERTY_TIMES says how many times as many, pytest's --hypothesis-seed which; that seed repeats a failure.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings


def tried(few: int, **more: Any) -> settings:
    """Without a deadline for a single example, and nothing kept from one run to the next."""
    times = int(os.environ.get("PROPERTY_TIMES", "0"))
    return settings(max_examples=few * max(times, 1), derandomize=not times, database=None, deadline=None, **more)
