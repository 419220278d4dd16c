from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from connectors.base import Budget
from connectors.models import Connection, ConnectionState
from connectors.services import limits
from tests.factories import NOON, make_connection

pytestmark = pytest.mark.django_db


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def fresh(connection: Connection) -> Connection:
    return Connection.objects.get(pk=connection.pk)


def eligible(connection: Connection, at: datetime) -> bool:
    return Connection.objects.filter(limits.eligible(at), pk=connection.pk).exists()


def admit(connection: Connection, at: datetime, costs: tuple[float, ...] = (0.0,)) -> limits.Admission:
    return limits.admit(connection.pk, costs=costs, at=at)


def record(connection: Connection, *outcomes: limits.CallOutcome, at: datetime = NOON) -> None:
    for outcome in outcomes:
        limits.record(connection.pk, outcome=outcome, at=at)


def probe(connection: Connection, outcome: limits.CallOutcome, at: datetime) -> None:
    admission = admit(connection, at)
    assert admission.probe is not None
    limits.record(connection.pk, outcome=outcome, at=at, probe=admission.probe)


@pytest.fixture
def connection() -> Connection:
    return make_connection()


@pytest.fixture
def broken(connection: Connection) -> Connection:
    """Its circuit opened at NOON."""
    record(connection, *["failed"] * 10)
    return connection


# --- the circuit opens -----------------------------------------------------------------------------


def test_nine_failures_leave_the_circuit_closed(connection):
    record(connection, *["failed"] * 9)

    assert eligible(connection, NOON)


def test_ten_failures_open_the_circuit_for_thirty_seconds(broken):
    assert not eligible(broken, after(29.9))
    assert eligible(broken, after(30))


@pytest.mark.parametrize(("successes", "stays_closed"), [(5, False), (6, True)])
def test_it_takes_half_of_the_calls_to_open_it(connection, successes: int, stays_closed: bool):
    record(connection, "failed", *["ok"] * successes, *["failed"] * 4)

    assert eligible(connection, NOON) == stays_closed


def test_failures_of_an_older_window_do_not_count(connection):
    record(connection, *["failed"] * 9)
    record(connection, "failed", at=after(301))

    assert eligible(connection, after(301))


def test_a_rate_limit_never_opens_the_circuit(connection):
    record(connection, *["throttled"] * 20)

    assert fresh(connection).breaker_opened == 0


def test_a_circuit_that_opens_does_not_shorten_what_the_store_asked_for(connection):
    record(connection, *["failed"] * 9)
    limits.record(connection.pk, outcome="throttled", at=NOON, after_s=90)
    record(connection, "failed")

    assert fresh(connection).open_until == after(90)


def test_calls_under_way_when_it_opened_do_not_open_it_for_longer(broken):
    record(broken, "failed", "failed", at=after(5))

    assert fresh(broken).open_until == after(30)


# --- one probe -------------------------------------------------------------------------------------


def test_nobody_passes_an_open_circuit(broken):
    assert admit(broken, after(29)) == limits.Admission(0)


def test_one_alone_passes_when_its_time_is_over(broken):
    first = admit(broken, after(30), costs=(1.0, 1.0, 1.0))
    second = admit(broken, after(30))

    assert (first.count, second.count) == (1, 0)


def test_a_probe_that_fails_doubles_the_time_up_to_two_minutes(broken):
    at, waits = after(30), []
    for _ in range(7):
        probe(broken, "failed", at)
        waits.append((fresh(broken).open_until - at).total_seconds())
        at = fresh(broken).open_until

    assert waits == [60, 120, 120, 120, 120, 120, 120]


def test_three_probes_that_succeed_close_the_circuit(broken):
    opened = []
    for second in (30, 31, 32):
        probe(broken, "ok", after(second))
        opened.append(fresh(broken).breaker_opened)

    assert opened == [1, 1, 0]
    assert admit(broken, after(33), costs=(0.0, 0.0)) == limits.Admission(2)


def test_a_failure_between_successes_opens_it_again(broken):
    probe(broken, "ok", after(30))
    probe(broken, "failed", after(31))

    assert (fresh(broken).breaker_successes, fresh(broken).open_until) == (0, after(91))


def test_a_closed_circuit_begins_with_a_new_window(broken):
    for second in (30, 31, 32):
        probe(broken, "ok", after(second))
    record(broken, *["failed"] * 9, at=after(33))

    assert eligible(broken, after(33))


def test_a_probe_whose_worker_died_gives_way_after_two_minutes(broken):
    admit(broken, after(30))

    assert admit(broken, after(149.9)).count == 0
    assert admit(broken, after(150)).count == 1


def test_the_late_end_of_a_probe_that_was_given_up_changes_nothing(broken):
    given_up = admit(broken, after(30))
    current = admit(broken, after(150))

    limits.record(broken.pk, outcome="failed", at=after(151), probe=given_up.probe)

    assert fresh(broken).open_until == current.probe


def test_the_success_of_a_call_under_way_before_does_not_let_a_second_probe_in(broken):
    admit(broken, after(30))
    record(broken, "ok", at=after(31))

    assert admit(broken, after(31)).count == 0


def test_a_probe_that_asked_nobody_gives_its_place_to_the_next(broken):
    probe(broken, "not asked", after(30))

    assert admit(broken, after(30)).probe == after(150)
    assert fresh(broken).breaker_successes == 0


def test_a_probe_that_is_throttled_leaves_the_store_alone_for_as_long_as_it_asks(broken):
    admission = admit(broken, after(30))
    limits.record(broken.pk, outcome="throttled", at=after(30), after_s=5, probe=admission.probe)

    assert fresh(broken).open_until == after(35)
    assert admit(broken, after(35)).probe is not None


def test_a_paused_connection_admits_nobody(connection):
    Connection.objects.update(state=ConnectionState.PAUSED)

    assert admit(connection, NOON) == limits.Admission(0)


# --- what the store asks for -----------------------------------------------------------------------


@pytest.mark.parametrize(("after_s", "waits"), [(7.5, 7.5), (None, 1), (0.0, 1), (-3.0, 0.1), (10**9, 3600)])
def test_a_rate_limit_leaves_the_connection_alone_for_at_most_an_hour(connection, after_s, waits):
    limits.record(connection.pk, outcome="throttled", at=NOON, after_s=after_s)

    assert fresh(connection).open_until == after(waits)


def test_a_shorter_wish_does_not_cut_a_longer_one_short(connection):
    for after_s in (60, 2):
        limits.record(connection.pk, outcome="throttled", at=NOON, after_s=after_s)

    assert fresh(connection).open_until == after(60)


def test_one_throttled_connection_closes_no_other(connection):
    other = make_connection(connection.merchant)
    record(connection, "throttled")

    assert not eligible(connection, NOON)
    assert admit(other, NOON).count == 1


# --- the budget ------------------------------------------------------------------------------------


@pytest.fixture
def metered(connection: Connection) -> Connection:
    """60 of 100 points left at NOON; two come back each second."""
    limits.learn(connection.pk, Budget(available=60, maximum=100, restore_per_s=2), at=NOON)
    return connection


def test_without_a_word_about_its_budget_a_connection_takes_all(connection):
    assert admit(connection, NOON, costs=(1e9, 1e9)) == limits.Admission(2)


@pytest.mark.parametrize(("seconds", "left"), [(0, 60), (10, 80), (20, 100), (3600, 100), (-5, 60)])
def test_the_budget_comes_back_with_time_up_to_its_maximum(metered, seconds: float, left: float):
    assert limits.budget_left(fresh(metered), at=after(seconds)) == left


@pytest.mark.parametrize(("cost", "wait"), [(60, 0), (61, 0.5), (100, 20), (500, 20)])
def test_the_wait_for_a_cost_is_what_its_return_takes(metered, cost: float, wait: float):
    assert limits.wait_for_budget(fresh(metered), cost, at=NOON) == wait


def test_messages_start_as_far_as_the_budget_goes(metered):
    assert admit(metered, NOON, costs=(25, 25, 25)).count == 2
    assert fresh(metered).budget_available == 10


def test_the_next_message_waits_until_the_budget_holds_its_cost(metered):
    admit(metered, NOON, costs=(25, 25, 25))

    assert not eligible(metered, after(7.4))
    assert admit(metered, after(7.5), costs=(25,)).count == 1


def test_a_cost_above_the_maximum_waits_for_a_full_budget_and_then_goes(metered):
    assert admit(metered, NOON, costs=(500,)).count == 0
    assert admit(metered, after(20), costs=(500,)).count == 1


def test_a_first_message_that_must_wait_lets_no_later_one_pass(metered):
    assert admit(metered, NOON, costs=(80, 1)).count == 0


def test_an_older_word_about_the_budget_is_left_out(metered):
    limits.learn(metered.pk, Budget(available=5, maximum=100, restore_per_s=2), at=after(-1))

    assert fresh(metered).budget_available == 60


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf")])
def test_a_budget_that_cannot_be_counted_with_is_left_out(metered, nonsense: float):
    limits.learn(metered.pk, Budget(available=nonsense, maximum=100, restore_per_s=2), at=NOON)

    assert fresh(metered).budget_available == 60


@pytest.mark.parametrize("restore", [0.0, -1.0])
def test_a_budget_that_never_comes_back_is_not_waited_for(connection, restore: float):
    limits.learn(connection.pk, Budget(available=0, maximum=100, restore_per_s=restore), at=NOON)

    assert admit(connection, NOON, costs=(50,)).count == 1


def test_waiting_for_the_budget_is_no_failure(metered):
    admit(metered, NOON, costs=(80,))

    assert (fresh(metered).breaker_failures, fresh(metered).last_failure_at) == (0, None)


def test_a_verb_costs_what_its_driver_says():
    assert limits.cost("shopify", "create") > 0
    assert (limits.cost("shopify", ""), limits.cost("long gone", "create")) == (0, 0)


# --- an answer and what it told, at one go ---------------------------------------------------------


def test_an_answer_and_what_it_told_are_written_in_one_statement(connection, django_assert_num_queries):
    with django_assert_num_queries(1):
        limits.answered(connection.pk, at=NOON, budget=Budget(available=60, maximum=100, restore_per_s=2))

    row = fresh(connection)
    assert (row.last_success_at, row.breaker_calls) == (NOON, 1)
    assert (row.budget_available, row.budget_maximum, row.budget_restore_per_s, row.budget_at) == (60, 100, 2, NOON)


def test_an_answer_counts_though_what_it_told_is_older_than_what_is_known(metered):
    known = fresh(metered)

    limits.answered(metered.pk, at=after(-1), budget=Budget(available=5, maximum=7, restore_per_s=9))

    row = fresh(metered)
    assert row.breaker_calls == known.breaker_calls + 1
    assert (row.budget_available, row.budget_maximum, row.budget_at) == (
        known.budget_available,
        known.budget_maximum,
        known.budget_at,
    )


def test_an_answer_does_not_count_for_a_connection_that_has_shut_us_out(connection):
    Connection.objects.update(state=ConnectionState.AUTH_LOST)

    limits.answered(connection.pk, at=NOON, budget=None)

    assert (fresh(connection).last_success_at, fresh(connection).breaker_calls) == (None, 0)


@pytest.mark.parametrize("budget", [None, Budget(available=float("nan"), maximum=100, restore_per_s=2)])
def test_an_answer_that_told_nothing_usable_leaves_the_budget_alone(metered, budget: Budget | None):
    known = fresh(metered)

    limits.answered(metered.pk, at=after(1), budget=budget)

    assert (fresh(metered).budget_available, fresh(metered).budget_at) == (known.budget_available, known.budget_at)


def test_answers_of_several_threads_count_each_and_leave_the_newest_budget(connection):
    told = [limits._Answer(connection.pk, after(n), Budget(100 - n, 100, 2)) for n in (2, 3, 1)]

    limits._write_answers(told)

    row = fresh(connection)
    assert (row.breaker_calls, row.last_success_at, row.budget_available) == (3, after(3), 97)


# --- a platform that is down for all -------------------------------------------------------------


def shut(count: int, platform: str = "shopify") -> list[Connection]:
    """Connections whose circuit is open and due for a probe."""
    rows = [make_connection(platform=platform) for _ in range(count)]
    Connection.objects.filter(pk__in=[row.pk for row in rows]).update(breaker_opened=1, open_until=NOON)
    return rows


def tried(rows: list[Connection], at: datetime) -> list[Connection]:
    return [row for row in rows if limits.admit(row.pk, costs=[0.0], at=at).count]


def test_of_a_platform_that_answers_nobody_one_connection_is_tried_each_second():
    rows = shut(40)

    at_noon = tried(rows, NOON)
    calls = [tried(rows, NOON + timedelta(seconds=second / 2)) for second in range(1, 41)]

    assert len(at_noon) == 1
    assert max(map(len, calls)) == 1
    assert 15 <= sum(map(len, calls)) <= 20


def test_every_one_of_them_has_its_turn():
    rows = shut(5)
    seen = {row.pk for second in range(200) for row in tried(rows, NOON + timedelta(seconds=second))}

    assert seen == {row.pk for row in rows}


def test_another_platform_has_a_pace_of_its_own():
    assert len(tried(shut(3), NOON)) == len(tried(shut(3, platform="woocommerce"), NOON)) == 1


def test_as_soon_as_one_answers_the_others_are_tried_as_they_come():
    rows = shut(5)
    probe = limits.admit(rows[0].pk, costs=[0.0], at=NOON).probe

    limits.record(rows[0].pk, outcome="ok", at=NOON, probe=probe)

    assert tried(rows[1:], NOON) == rows[1:]


def test_a_platform_that_answered_long_ago_is_tried_slowly_again():
    rows = shut(3)
    probe = limits.admit(rows[0].pk, costs=[0.0], at=NOON).probe
    limits.record(rows[0].pk, outcome="ok", at=NOON, probe=probe)

    assert len(tried(rows[1:], NOON + timedelta(minutes=2))) == 1


def test_connections_that_work_ask_nothing_of_their_platform(connection, django_assert_num_queries):
    shut(2)
    limits.admit(connection.pk, costs=[0.0], at=NOON)

    with django_assert_num_queries(1):
        limits.admit(connection.pk, costs=[0.0], at=NOON)
