"""The sweep behind the webhooks: what changed at each destination since we last looked, whether or not we were told.

It applies nothing itself: a change that is not known here makes a promise to read that order, an order that is there
but not recorded here is taken over, and two with one reference raise an alarm.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from logging import getLogger

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from connectors import conditions
from connectors.base import RemoteOrder
from connectors.errors import ConnectionGoneError, ConnectorError, CredentialsError
from connectors.models import Connection
from connectors.services import limits
from orders import alarms
from orders.attempt import Attempt
from orders.enums import PushStatus
from orders.models import OrderPush
from orders.services import duplicates, fulfillment, pushes, remote_cancel
from orders.services.transitions import lock
from orders.world import World

logger = getLogger(__name__)

OVERLAP = timedelta(minutes=15)  # read again each time: the destination's index lags behind its orders
BUDGET = timedelta(seconds=40)  # for all connections of one call; the next call begins with those that waited longest
LOOKED_UP_AT_ONCE = 100  # a page of Shopify's
AGAIN_AFTER = timedelta(minutes=1)  # at the least, whichever schedule asked last
SETTLED = timedelta(minutes=1)  # a second that is so long over sees no further change
ENDED = (PushStatus.CANCELLED, PushStatus.SKIPPED)


def poll_changes(*, world: World) -> int:
    """Ask the active destinations that are due, longest ago first. Returns how many; one that fails delays no other."""
    return _poll_all(Q(polled_at=None) | Q(polled_at__lte=world.now() - settings.CHANGE_POLL_EVERY), world)


def poll_unanswered(*, world: World) -> int:
    """The same for those whose last poll failed or whose circuit is not closed, so that somebody asks there.

    What failed meanwhile goes on with the first answer; its own next attempt may be hours away.
    """
    down = ~Q(poll_error="") | Q(breaker_opened__gt=0)
    return _poll_all(down & (Q(polled_at=None) | Q(polled_at__lte=world.now() - AGAIN_AFTER)), world)


def _poll_all(due: Q, world: World) -> int:
    began, asked = world.now(), 0
    waiting = Connection.objects.own().filter(limits.eligible(began), due, is_destination=True)
    for connection in waiting.order_by(F("polled_at").asc(nulls_first=True), "pk"):
        if world.now() - began > BUDGET:
            break
        if _claim(connection, at=world.now()):
            _poll_contained(connection, world, until=began + BUDGET)
            asked += 1
    return asked


def _claim(connection: Connection, *, at: datetime) -> bool:
    """False when another worker took it since we read the row."""
    return bool(Connection.objects.filter(pk=connection.pk, polled_at=connection.polled_at).update(polled_at=at))


def _poll_contained(connection: Connection, world: World, *, until: datetime) -> None:
    attempt = Attempt(world)
    try:
        _poll(connection, attempt, until=until)
    except ConnectorError as error:
        attempt.failed(error)
        _failed(connection, error, at=world.now())
    except Exception:
        attempt.broke_off()
        _keep(connection, "It is a fault of ours and was logged.")
        logger.exception("poll failed", extra={"connection_id": connection.pk})


def _poll(connection: Connection, attempt: Attempt, *, until: datetime) -> None:
    """Batch by batch: what was taken note of stands when the store throttles, fails or the time is up after it."""
    reading = _Reading.of(connection, at=attempt.world.now())
    for batch in _batches(attempt.world.connector_for(connection).changed_since(reading.since)):
        _take_note(connection, [remote for remote in batch if remote.reference], at=attempt.world.now())
        reading.went_on(connection, batch)
        if reading.has_moved and attempt.world.now() > until:
            logger.info("poll goes on next time", extra={"connection_id": connection.pk})
            break
    else:
        reading.ended(connection)
    attempt.answered()
    if connection.poll_error:
        _keep(connection, "")
        conditions.cleared(conditions.answers_again(connection.pk))


def _batches(changed: Iterable[RemoteOrder]) -> Iterator[list[RemoteOrder]]:
    """What came before the store failed is a batch too, and the failure follows it."""
    batch: list[RemoteOrder] = []
    try:
        for remote in changed:
            batch.append(remote)
            if len(batch) == LOOKED_UP_AT_ONCE:
                yield batch
                batch = []
    except ConnectorError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


@dataclass(slots=True)
class _Reading:
    """Everything that changed up to now, by as many polls as it takes.

    The first begins before the watermark by the overlap. One that is broken off is gone on with at the newest change that
    it saw, without an overlap: a store with more changes in that time than one poll reads would never be read to its end.
    """

    since: datetime  # where this poll begins
    began_at: datetime  # its first poll
    newest: datetime | None = None  # change that was seen
    goes_on: bool = False  # the poll before was broken off

    @classmethod
    def of(cls, connection: Connection, *, at: datetime) -> _Reading:
        if connection.poll_goes_on_from is None:
            return cls((connection.polled_until or connection.created_at) - OVERLAP, at)
        since = connection.poll_goes_on_from
        return cls(since, connection.poll_began_at or at, newest=since, goes_on=True)

    @property
    def has_moved(self) -> bool:
        """Whether the next poll would begin later than this one: it is not broken off before."""
        return self.newest is not None and self.newest > self.since

    def went_on(self, connection: Connection, changed: Sequence[RemoteOrder]) -> None:
        times = [remote.updated_at for remote in changed if remote.updated_at]
        self.newest = max([*times, self.newest] if self.newest else times, default=None)
        if self.has_moved:
            Connection.objects.filter(pk=connection.pk).update(
                poll_goes_on_from=self.newest, poll_began_at=self.began_at
            )

    def ended(self, connection: Connection) -> None:
        """Never past the newest change that was really seen: one that is not indexed yet is found by the next poll.

        Nor past the beginning, where it took several polls: what was indexed late lies before where they went on.
        """
        row = Connection.objects.filter(pk=connection.pk)
        row.update(poll_goes_on_from=None, poll_began_at=None)
        if self.newest is not None:
            until = min(self.newest, self.began_at) if self.goes_on else self.newest
            row.filter(Q(polled_until=None) | Q(polled_until__lt=until)).update(polled_until=until)


def _take_note(connection: Connection, remotes: Iterable[RemoteOrder], *, at: datetime) -> None:
    by_reference: dict[str, list[RemoteOrder]] = defaultdict(list)
    for remote in remotes:
        by_reference[remote.reference].append(remote)
    known = OrderPush.objects.at_store(connection.pk).filter(reference__in=by_reference)
    for push in known.select_related("order", "connection").order_by("pk"):
        _compare(push, by_reference[push.reference], at=at)


def _compare(push: OrderPush, remotes: Sequence[RemoteOrder], *, at: datetime) -> None:
    if not push.remote_id:
        oldest = min(remotes, key=lambda remote: remote.created_at or at)
        standing = [remote for remote in remotes if not remote.cancelled]
        if push.status in ENDED and standing:
            remote_cancel.take_stray(push_id=push.pk, remote=standing[0], at=at)
            return
        if not pushes.adopt(push_id=push.pk, ref=oldest.ref, at=at):
            return  # recorded, or being sent, this very moment
        push.remote_id = oldest.ref.remote_id
    is_alone = not push.copies and all(remote.ref.remote_id == push.remote_id for remote in remotes)
    with transaction.atomic():
        if not is_alone:
            lock(push.order_id)
        for remote in remotes:
            if remote.ref.remote_id == push.remote_id:
                _catch_up(push, remote, at=at)
        if is_alone:
            return
        duplicates.seen(OrderPush.objects.select_related("order", "connection").get(pk=push.pk), remotes, at=at)


def _catch_up(push: OrderPush, remote: RemoteOrder, *, at: datetime) -> None:
    if not remote.remote_version:
        _catch_up_with_time(push, remote, at=at)
    elif push.read_back_at is None or push.remote_version != remote.remote_version[:60]:
        fulfillment.ask(push, cause=f"poll-{remote.remote_version[:60]}", at=at)


def _catch_up_with_time(push: OrderPush, remote: RemoteOrder, *, at: datetime) -> None:
    """By the time of the change alone, which has whole seconds: once more when that second is over for certain."""
    if remote.updated_at is None:
        return
    changed = remote.updated_at.isoformat()
    if at - remote.updated_at >= SETTLED:
        fulfillment.ask(push, cause=f"poll-{changed}-settled", at=at)
    elif push.remote_updated_at != remote.updated_at:
        fulfillment.ask(push, cause=f"poll-{changed}", at=at)


def _failed(connection: Connection, error: ConnectorError, *, at: datetime) -> None:
    _keep(connection, str(error))
    logger.info("poll not answered", extra={"connection_id": connection.pk, "error": type(error).__name__})
    match error:
        case CredentialsError():
            alarms.auth_lost(connection, reason=str(error), at=at)
        case ConnectionGoneError():
            alarms.gone(connection, reason=str(error), at=at)


def _keep(connection: Connection, why: str) -> None:
    """Apart from the last call's failure, which the next order that gets through would hide."""
    Connection.objects.filter(pk=connection.pk).update(poll_error=why[:300])
