"""Access that runs out: one renewal at a time, and nothing lost when it goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import responses
from django.conf import settings
from django.db import connection as database
from django.db import transaction

from connectors.errors import RetryableError
from connectors.models import ClearedCondition, Connection, ConnectionState
from connectors.services import connections, oauth
from tests.factories import NOON, make_connection
from tests.locks import until_waiting

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as wire:
        yield wire


def due(**fields) -> Connection:
    given = {
        "credentials": {"access_token": "old", "refresh_token": "again"},
        "by_app": True,
        "token_expires_at": NOON + oauth.AHEAD,
        "refresh_expires_at": NOON + timedelta(days=90),
    }
    return make_connection(**{**given, **fields})


def answers(wire: responses.RequestsMock, row: Connection, *, status: int = 200, **body) -> None:
    given = {"access_token": "new", "refresh_token": "next", "expires_in": 3600, "refresh_token_expires_in": 9000}
    wire.post(f"{row.base_url}/admin/oauth/access_token", json=body or given, status=status)


def test_renewal_stores_everything_at_once_and_lets_waiting_work_go_on(wire):
    row = due()
    answers(wire, row)

    assert oauth.refresh_due(NOON) == []

    row.refresh_from_db()
    assert dict(row.credentials) == {"access_token": "new", "refresh_token": "next"}
    assert row.credential_version == 2
    assert NOON + HOUR <= row.token_expires_at < NOON + HOUR + timedelta(minutes=1)
    assert row.refresh_not_before is None
    assert [condition.key for condition in ClearedCondition.objects.all()] == [f"token:{row.pk}"]


@pytest.mark.parametrize(
    "fields",
    [
        {"token_expires_at": NOON + oauth.AHEAD + timedelta(seconds=1)},
        {"token_expires_at": None, "refresh_expires_at": None},
        {"refresh_not_before": NOON + timedelta(seconds=1)},
        {"state": ConnectionState.AUTH_LOST},
        {"state": ConnectionState.REMOVED},
    ],
)
def test_what_is_not_due_or_in_other_hands_is_left_alone(wire, fields):
    due(**fields)

    assert oauth.refresh_due(NOON) == []


def test_a_paused_store_is_renewed_too(wire):
    row = due(state=ConnectionState.PAUSED)
    answers(wire, row)

    oauth.refresh_due(NOON)

    row.refresh_from_db()
    assert (row.state, row.credential_version) == (ConnectionState.PAUSED, 2)


@pytest.mark.parametrize(
    "answer", [{"status": 500}, {"status": 429}, {"status": 200, "access_token": "torn"}, {"status": 400, "error": "x"}]
)
def test_whatever_goes_wrong_the_old_credentials_stand(wire, answer):
    row = due()
    answers(wire, row, **{"reason": "none", **answer})

    (failure,) = oauth.refresh_due(NOON)

    row.refresh_from_db()
    assert failure.is_final is False
    assert dict(row.credentials) == {"access_token": "old", "refresh_token": "again"}
    assert (row.state, row.credential_version) == (ConnectionState.ACTIVE, 1)
    assert row.refresh_not_before >= NOON + oauth.RETRY
    assert row.last_error


def test_one_that_fails_delays_no_other(wire):
    bad, good = due(token_expires_at=NOON), due()
    answers(wire, bad, status=500, reason="down")
    answers(wire, good)

    failures = oauth.refresh_due(NOON)

    assert [failure.connection.pk for failure in failures] == [bad.pk]
    assert Connection.objects.get(pk=good.pk).credential_version == 2


def test_a_clear_no_after_the_end_is_final_and_not_asked_again_soon(wire):
    row = due(token_expires_at=NOON)
    answers(wire, row, status=400, error="invalid_grant")

    (failure,) = oauth.refresh_due(NOON)

    assert failure.is_final
    assert oauth.refresh_due(NOON + HOUR) == []


def test_a_wrong_secret_of_ours_asks_no_merchant_to_reconnect(wire):
    row = due(token_expires_at=NOON)
    answers(wire, row, status=401, error="invalid_client")

    (failure,) = oauth.refresh_due(NOON)

    assert failure.is_final is False


def test_a_portal_without_an_app_keeps_what_it_has(monkeypatch, wire):
    monkeypatch.setattr(settings, "SHOPIFY_APP_KEY", "")
    row = due(token_expires_at=NOON)

    (failure,) = oauth.refresh_due(NOON)

    assert "no app key" in str(failure.error)
    assert dict(Connection.objects.get(pk=row.pk).credentials)["refresh_token"] == "again"


def test_a_reconnect_meanwhile_is_newer_and_stands(wire):
    row = due()

    def reconnected(_request):
        connections.reconnect(connection_id=row.pk, credentials={"access_token": "typed"}, by="ana", at=NOON)
        return 200, {}, '{"access_token":"n","refresh_token":"n","expires_in":9,"refresh_token_expires_in":9}'

    wire.add_callback(
        "POST", f"{row.base_url}/admin/oauth/access_token", callback=reconnected, content_type="application/json"
    )

    oauth.refresh_due(NOON)

    row.refresh_from_db()
    assert dict(row.credentials) == {"access_token": "typed"}
    assert (row.credential_version, row.token_expires_at) == (2, None)


def test_a_disconnect_meanwhile_stays_without_credentials(wire):
    row = due()

    def disconnected(_request):
        connections.disconnect(connection_id=row.pk, by="ana", at=NOON)
        return 200, {}, '{"access_token":"n","refresh_token":"n","expires_in":9,"refresh_token_expires_in":9}'

    wire.add_callback(
        "POST", f"{row.base_url}/admin/oauth/access_token", callback=disconnected, content_type="application/json"
    )

    oauth.refresh_due(NOON)

    row.refresh_from_db()
    assert (row.state, dict(row.credentials)) == (ConnectionState.REMOVED, {})


def test_a_connection_found_lost_meanwhile_is_connected_again(wire):
    row = due(state=ConnectionState.AUTH_LOST)
    answers(wire, row)

    fresh = oauth.renew(connection_id=row.pk, refused_version=1, at=NOON)

    assert fresh is not None
    assert (fresh.state, fresh.credential_version) == (ConnectionState.ACTIVE, 2)


def test_access_that_was_renewed_elsewhere_is_taken_without_asking(wire):
    row = due(credential_version=2)

    fresh = oauth.renew(connection_id=row.pk, refused_version=1, at=NOON)

    assert fresh == row


def test_while_another_worker_renews_the_call_is_put_off_a_moment(wire):
    row = due(refresh_not_before=NOON + timedelta(seconds=100))

    with pytest.raises(RetryableError) as caught:
        oauth.renew(connection_id=row.pk, refused_version=1, at=NOON)

    assert (caught.value.after_s, caught.value.throttled) == (oauth.LOOK_AGAIN_S, True)


def test_a_machine_whose_clock_is_behind_does_not_take_a_lease_for_a_refusal(wire):
    row = due(refresh_not_before=NOON + timedelta(seconds=settings.LEASE_S + 60))

    with pytest.raises(RetryableError):
        oauth.renew(connection_id=row.pk, refused_version=1, at=NOON)


def test_after_a_refusal_only_the_merchant_is_left_without_asking_again(wire):
    row = due(refresh_not_before=NOON + oauth.RETRY_REFUSED)

    assert oauth.renew(connection_id=row.pk, refused_version=1, at=NOON) is None


def test_after_a_failure_the_call_is_put_off_until_it_may_be_tried_again(wire):
    row = due(refresh_not_before=NOON + timedelta(seconds=40))

    with pytest.raises(RetryableError) as caught:
        oauth.renew(connection_id=row.pk, refused_version=1, at=NOON)

    assert caught.value.after_s == 40


def test_a_store_that_cannot_renew_just_now_is_no_lost_store(wire):
    row = due()
    answers(wire, row, status=503, reason="down")

    with pytest.raises(RetryableError, match="could not be renewed"):
        oauth.renew(connection_id=row.pk, refused_version=1, at=NOON)


def test_a_renewal_that_a_host_turned_away_is_tried_again(wire):
    row = due()
    answers(wire, row, status=406, reason="no")

    with pytest.raises(RetryableError, match="could not be renewed"):
        oauth.renew(connection_id=row.pk, refused_version=1, at=NOON)


@pytest.mark.parametrize("status", [400, 401])
def test_a_refused_renewal_leaves_only_the_merchant(wire, status):
    row = due()
    answers(wire, row, status=status, error="invalid_grant")

    assert oauth.renew(connection_id=row.pk, refused_version=1, at=NOON) is None


def test_typed_keys_are_never_renewed(wire):
    row = make_connection()

    assert oauth.renew(connection_id=row.pk, refused_version=1, at=NOON) is None


def test_a_second_worker_asks_nothing_while_the_first_is_under_way(wire):
    row, seen = due(), []

    def meanwhile(_request):
        seen.append(oauth.refresh_due(NOON))
        with pytest.raises(RetryableError):
            oauth.renew(connection_id=row.pk, refused_version=1, at=NOON)
        return 200, {}, '{"access_token":"n","refresh_token":"n","expires_in":9,"refresh_token_expires_in":9}'

    wire.add_callback(
        "POST", f"{row.base_url}/admin/oauth/access_token", callback=meanwhile, content_type="application/json"
    )

    oauth.refresh_due(NOON)

    assert seen == [[]]
    assert len(wire.calls) == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_workers_at_the_same_instant_one_has_the_lease():
    assert database.vendor == "postgresql", "run by `make test-postgres`"
    row, taken = due(), []

    def take() -> None:
        taken.append(oauth._take(Connection.objects.get(pk=row.pk), at=NOON))
        database.close()

    threads = [threading.Thread(target=take) for _ in range(2)]
    with transaction.atomic():
        Connection.objects.select_for_update().get(pk=row.pk)
        for waiting, thread in enumerate(threads, start=1):
            thread.start()
            until_waiting(waiting)
    for thread in threads:
        thread.join(timeout=60)

    assert sorted(taken) == [False, True]
