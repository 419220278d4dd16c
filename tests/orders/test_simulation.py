"""The simulation itself: a few seeds here, a hundred and fifty in `make simulate`, and each mutant caught."""

from __future__ import annotations

import pytest

from tests.simulation.names import MUTANT_NAMES
from tests.simulation.run import simulate

pytestmark = pytest.mark.django_db(transaction=True)
CAUGHT_WITHIN = 40  # seeds


@pytest.mark.parametrize("seed", [1, 2, 3, 9, 32, 93])
def test_nothing_is_lost_duplicated_or_stuck(seed: int):
    assert not simulate(seed).bad


@pytest.mark.parametrize("mutant", MUTANT_NAMES)
def test_without_one_safeguard_the_simulation_fails(mutant: str):
    assert any(simulate(seed, mutant=mutant).bad for seed in range(1, CAUGHT_WITHIN + 1))
