"""The pump: claims what is due and carries it out with threads until nothing is left or its time is up.

When a suspect is due (orders/outbox/) it lets the crew finish, and has the suspect carried out by itself. It
looks for one at each housekeeping only, so that the others get their turn in between.
"""

from __future__ import annotations

import gc
import os
import queue
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from logging import getLogger

from django.conf import settings
from django.db import connection as database
from django.db.models import Min

from connectors.services import limits
from connectors.together import Cohort, at_work
from orders import outbox
from orders.models import Lane, OutboxMessage, PumpBeat, WakeUp
from orders.world import World

logger = getLogger(__name__)

LINGER_S = 2.0  # a pump that found nothing waits so long for the next thing
POLL_S = 0.02
STUCK_S = 1.0  # so long after a claim those under way are taken to hang
LOOK_AGAIN_S = 0.1  # so long after a claim that found nothing, unless somebody was done
GATHER_S = 0.25  # so long after a claim the next one waits until half of the crew is free
HOUSEKEEPING_S = 1.0
BEAT_S = 10.0


def pump(*, budget_s: float | None = None, threads: int | None = None, world: World | None = None) -> int:
    """Carry out all that is due. Ends when nothing was due for a while, or after `budget_s`. Returns how many."""
    _spare_the_collector()
    world = world or World.real()
    WakeUp.objects.filter(pk=1).update(called_at=None)
    crew = Crew(threads or settings.PUMP_THREADS, world)
    try:
        _run(crew, world, deadline=time.monotonic() + (budget_s or settings.PUMP_BUDGET_S))
    finally:
        crew.stop()
        limits.answers.flush()
    return crew.done


@cache
def _spare_the_collector() -> None:
    """Once for a process: what stands by now stays, and the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


def oldest_due(*, at: datetime) -> datetime | None:
    """Since when the longest-waiting message has been due that could be carried out; None when none is."""
    ready = OutboxMessage.objects.filter(outbox.due(at), lane__in=Lane.objects.filter(outbox.ready_lanes(at)))
    oldest: datetime | None = ready.aggregate(oldest=Min("next_attempt_at"))["oldest"]
    return oldest


def share_of_a_lane(threads: int) -> int:
    """How many of a pump's threads one lane may have, so that a slow store delays no other."""
    return max(1, threads * 4 // 5)


class Crew:
    """Threads that carry out what the pump hands them; each keeps its own database connection."""

    def __init__(self, size: int, world: World) -> None:
        self.size = size
        self.busy = 0
        self.of_a_lane = share_of_a_lane(size)
        self._carried: Counter[int] = Counter()  # messages under way, by lane
        self.done = 0
        self.given_at = 0.0
        self._opened: set[int] = set()  # lanes that may have more since somebody was done, and were not looked for yet
        self.suspect = False  # the message given last was one
        self._changed = threading.Condition()
        self._jobs: queue.SimpleQueue[tuple[OutboxMessage, Cohort] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, args=(world,), daemon=True) for _ in range(size)]
        for thread in self._threads:
            thread.start()

    @property
    def free(self) -> int:
        return 0 if self.alone else self.size - self.busy

    @property
    def worth_claiming(self) -> int:
        """How many must be free before a claim: one that brings a single message costs as much as one that brings eight."""
        if time.monotonic() - self.given_at >= GATHER_S:
            return 1
        with self._changed:
            kept = sum(count for count in self._carried.values() if not self._takes_more(count))
        return (self.size - kept + 1) // 2  # of those that other lanes can have

    @property
    def alone(self) -> bool:
        """A suspect is being carried out: nothing may run beside it."""
        return self.suspect and self.busy > 0

    @property
    def room(self) -> dict[int, int]:
        """How many more each lane that has some under way may have.

        None while more than half of its share are: messages that come together share their statements. After
        STUCK_S without a claim, whatever its share has left.
        """
        late = time.monotonic() - self.given_at >= STUCK_S
        with self._changed:
            return {
                lane_id: self.of_a_lane - count if late or self._takes_more(count) else 0
                for lane_id, count in self._carried.items()
            }

    @property
    def has_room(self) -> bool:
        """Somebody was done since the last look, so that a lane may have more than the last claim could give it."""
        return bool(self._opened)

    def look(self) -> None:
        """What has opened by now is claimed for next."""
        with self._changed:
            self._opened.clear()

    def _takes_more(self, count: int) -> bool:
        return count <= self.of_a_lane // 2

    def give(self, messages: Sequence[OutboxMessage]) -> None:
        """What one claim brought: they go through the same steps at the same time."""
        if not messages:
            return
        cohort = Cohort(len(messages))
        with self._changed:
            self.busy += len(messages)
            self._carried.update(message.lane_id for message in messages)
            self.suspect = messages[0].crashes > 0
            self.given_at = time.monotonic()
            self._opened = {lane_id for lane_id in self._opened if self._takes_more(self._carried[lane_id])}
        for message in messages:
            self._jobs.put((message, cohort))

    def wait(self, seconds: float) -> None:
        """Until somebody is done, or so long."""
        with self._changed:
            self._changed.wait(seconds)

    def stop(self) -> None:
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, world: World) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                message, cohort = job
                try:
                    with at_work(cohort):
                        outbox.carry_out(message, world)
                except Exception:
                    # the database went away while the outcome was written: the lease runs out and it is looked for
                    logger.exception("outcome not written", extra={"message_id": message.pk, "topic": message.topic})
                    database.close()
                finally:
                    with self._changed:
                        self.busy -= 1
                        self._put_down(message.lane_id)
                        self.done += 1
                        self._changed.notify()
        finally:
            database.close()

    def _put_down(self, lane_id: int) -> None:
        self._carried[lane_id] -= 1
        if self._takes_more(self._carried[lane_id]):
            self._opened.add(lane_id)
        if not self._carried[lane_id]:
            del self._carried[lane_id]


def _run(crew: Crew, world: World, *, deadline: float) -> None:
    idle_since = time.monotonic()
    housekeeping_at = beat_at = looked_at = 0.0
    suspect_due = False
    while (now := time.monotonic()) < deadline:
        if now >= beat_at:
            _beat(world.now())
            beat_at = now + BEAT_S
        if now >= housekeeping_at:
            outbox.release(at=world.now())
            outbox.take_back_expired(at=world.now())
            suspect_due = not crew.alone and outbox.suspect_is_due(at=world.now())
            housekeeping_at = now + HOUSEKEEPING_S
        if crew.busy and not crew.has_room and now - looked_at < LOOK_AGAIN_S:
            crew.wait(POLL_S)
            continue
        crew.look()
        claimed = _claim(crew, suspect_due=suspect_due, at=world.now())
        suspect_due = suspect_due and not claimed and crew.busy > 0
        crew.give(claimed)
        if claimed or crew.busy:
            idle_since = now
        elif now - idle_since > LINGER_S:
            return
        if not claimed:
            looked_at = now
            crew.wait(POLL_S)


def _claim(crew: Crew, *, suspect_due: bool, at: datetime) -> list[OutboxMessage]:
    """What the crew can take on: as many clean messages as have room, or one suspect when nobody is busy."""
    if suspect_due:
        if crew.busy:
            return []
        limits.answers.flush()
        return outbox.claim(at=at, limit=1, among=outbox.SUSPECT)
    if crew.free < crew.worth_claiming:
        return []
    limits.answers.flush()  # what a claim spends is reckoned from what was told last
    limit = min(crew.free, crew.of_a_lane, outbox.CLAIM_SIZE)
    return outbox.claim(at=at, limit=limit, among=outbox.CLEAN, room=crew.room)


def _beat(at: datetime) -> None:
    worker = f"{socket.gethostname()}:{os.getpid()}"
    PumpBeat.objects.update_or_create(worker=worker, defaults={"at": at})
    PumpBeat.objects.filter(at__lt=at - timedelta(days=1)).delete()
