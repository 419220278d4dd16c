"""docs/order-states.md is what orders/enums.py says."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from orders.enums import Headline, OrderStatus
from orders.management.commands import order_states


def test_the_page_is_up_to_date():
    call_command("order_states", check=True)


def test_a_stale_page_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(order_states, "PATH", tmp_path / "order-states.md")
    call_command("order_states")
    call_command("order_states", check=True)
    (tmp_path / "order-states.md").write_text("something else")

    with pytest.raises(CommandError, match="stale"):
        call_command("order_states", check=True)


def test_every_state_and_headline_stands_on_the_page():
    page = "\n".join(order_states.page())

    assert [word for word in [*OrderStatus.values, *Headline.labels] if word not in page] == []
