"""Rules and opening hours are changed in one place, checked, numbered and audited."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import AuditEvent, Merchant
from orders.errors import InvalidSettings
from orders.models import AcceptRule, BusinessHours, Channel, ShipWithin
from orders.services import accept_rules
from orders.services.accept_rules import NewRule
from tests.factories import NOON, make_channel, make_connection, make_marketplace, make_merchant
from tests.orders.services.accepting import OFFICE, make_hours, make_rule

pytestmark = pytest.mark.django_db
ACT = {"by": "ana@kauri.example", "at": NOON}


@pytest.fixture
def merchant(db: None) -> Merchant:
    return make_merchant()


def verdicts(merchant: Merchant) -> list[tuple[int, str]]:
    return [(rule.position, str(rule.total_to)) for rule in AcceptRule.objects.of(merchant).in_order()]


def three(merchant: Merchant) -> list[AcceptRule]:
    return [make_rule(merchant, total_to=Decimal(n)) for n in (1, 2, 3)]


def audited() -> list[tuple[str, str]]:
    return list(AuditEvent.objects.order_by("pk").values_list("kind", "subject"))


# --- rules ---


def test_a_rule_stands_below_the_others_in_the_merchants_currency_and_is_audited(merchant: Merchant):
    make_rule(merchant)
    rule = make_rule(merchant, "ask", listed="in", countries=(" nz", "NZ", "au "), skus=("left out",))

    assert (rule.position, rule.currency, rule.countries, rule.skus) == (1, "NZD", ["NZ", "AU"], [])
    assert audited()[-1] == ("accept_rule.added", "Ask me: ships to NZ, AU")


def test_a_removed_rule_closes_the_gap(merchant: Merchant):
    rules = three(merchant)

    accept_rules.remove(rule_id=rules[1].pk, **ACT)

    assert verdicts(merchant) == [(0, "1.0000"), (1, "3.0000")]
    assert audited()[-1][0] == "accept_rule.removed"


@pytest.mark.parametrize(("to", "expected"), [(0, "312"), (1, "132"), (9, "123"), (-4, "312")])
def test_a_rule_is_put_where_it_is_wanted(merchant: Merchant, to: int, expected: str):
    rules = three(merchant)

    accept_rules.move(rule_id=rules[2].pk, to=to, **ACT)

    assert "".join(total[0] for _, total in verdicts(merchant)) == expected
    assert [position for position, _ in verdicts(merchant)] == [0, 1, 2]


def test_the_first_rule_cannot_go_higher(merchant: Merchant):
    rules = three(merchant)
    count = len(audited())

    accept_rules.lift(rule_id=rules[0].pk, **ACT)

    assert len(audited()) == count


def test_a_changed_rule_keeps_its_place(merchant: Merchant):
    rules = three(merchant)

    accept_rules.change(rule_id=rules[1].pk, rule=NewRule("ask", total_to=Decimal(9)), **ACT)

    assert verdicts(merchant) == [(0, "1.0000"), (1, "9.0000"), (2, "3.0000")]


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"verdict": "maybe"}, "verdict", "unknown_value"),
        ({"customer": "x"}, "customer", "unknown_value"),
        ({"total_from": Decimal("-1")}, "total_from", "bad_amount"),
        ({"total_to": Decimal("1.001")}, "total_to", "bad_amount"),
        ({"total_from": Decimal(2), "total_to": Decimal(1)}, "total_to", "out_of_range"),
        ({"listed": "in"}, "countries", "required"),
        ({"listed": "in", "countries": ("NZ", "XX")}, "countries", "unknown_country"),
        ({"sku_match": "all"}, "skus", "required"),
        ({"sku_match": "all", "skus": ("x" * 121,)}, "skus", "too_many"),
        ({"channel_id": 0}, "channel", "unknown"),
    ],
    ids=str,
)
def test_a_rule_that_makes_no_sense_is_refused_beside_its_field(
    merchant: Merchant, fields: dict, field: str, code: str
):
    with pytest.raises(InvalidSettings) as refusal:
        accept_rules.add(merchant_id=merchant.pk, rule=NewRule(**{"verdict": "ask", **fields}), **ACT)

    assert [(problem.field, problem.code) for problem in refusal.value.problems] == [(field, code)]
    assert not AcceptRule.objects.exists()


def test_there_is_an_end_to_the_rules(merchant: Merchant, monkeypatch):
    monkeypatch.setattr(accept_rules, "RULES_MOST", 1)
    make_rule(merchant)

    with pytest.raises(InvalidSettings, match="no more can be kept"):
        make_rule(merchant)


def test_the_channels_of_a_merchant_are_its_marketplaces_and_its_stores(merchant: Merchant):
    market = make_channel(make_marketplace(merchants=[merchant]))
    make_channel()

    store = Channel.objects.create(connection=make_connection(merchant), name="Own store")

    assert set(accept_rules.channels_of(merchant)) == {market, store}


def test_what_counts_for_all_rules_is_audited_when_it_changes(merchant: Merchant):
    for shadow in (True, True, False):
        accept_rules.save_settings(merchant_id=merchant.pk, default=True, shadow=shadow, **ACT)

    merchant.refresh_from_db()
    assert (merchant.auto_accept, accept_rules.is_shadow(merchant)) == (True, False)
    assert [kind for kind, _ in audited()] == ["merchant.changed", "accept_rules.shadow", "accept_rules.live"]


# --- opening hours ---


def test_opening_hours_are_kept_as_a_whole_and_audited(merchant: Merchant):
    channel = make_channel(make_marketplace(merchants=[merchant]))
    make_hours(merchant, ship_within={channel.pk: 3}, closed_days=("2026-12-25", "2026-12-25"))

    make_hours(merchant, week={"monday": "09:00 - 12:00"}, remind_before=(30, 120))

    hours = BusinessHours.objects.get()
    assert hours.week == {**dict.fromkeys(OFFICE, ""), "saturday": "", "sunday": "", "monday": "09:00-12:00"}
    assert (hours.closed_days, hours.remind_before, ShipWithin.objects.count()) == ([], [120, 30], 0)
    assert [kind for kind, _ in audited()] == ["opening_hours.saved"] * 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"week": OFFICE | {"monday": "9-5"}}, "week.monday"),
        ({"week": {"noday": "09:00-17:00"}}, "week.noday"),
        ({"week": {}}, "week.monday"),
        ({"closed_days": ("25.12.2026",)}, "closed_days"),
        ({"closed_days": ("20261225",)}, "closed_days"),
        ({"ship_within_days": 0}, "ship_within_days"),
        ({"remind_before": (0,)}, "remind_before"),
        ({"remind_before": (1, 2, 3, 4, 5, 6)}, "remind_before"),
        ({"last_resort": "hope"}, "last_resort"),
        ({"last_resort_before": 0}, "last_resort_before"),
        ({"ship_within": {0: 1}}, "channels.0"),
    ],
    ids=str,
)
def test_opening_hours_that_make_no_sense_are_refused_beside_their_field(merchant: Merchant, fields: dict, field: str):
    with pytest.raises(InvalidSettings) as refusal:
        make_hours(merchant, **fields)

    assert [problem.field for problem in refusal.value.problems] == [field]
    assert not BusinessHours.objects.exists()
