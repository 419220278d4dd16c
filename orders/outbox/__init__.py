"""The outbox: promises as rows, claimed fairly, carried out at least once and fenced, so that each counts once.

A message is `waiting` (due at `next_attempt_at`, or for the condition in `wait_for`), `running` (leased), `done` or
`held` (a person is needed). `attempts` grows with every claim and is the fencing token: whoever writes with an older
one changes nothing. `maybe_sent_at` is committed before the first byte of a request that changes something outside;
from then on a handler looks before it repeats.

Handlers are generators. They yield the name of each step at every point at which the process could die, and never
inside a transaction; the simulator stops, crashes and interleaves them there.

Before a connection is asked, connectors.services.limits must admit it, and is told afterwards how it went: by `claim`
for the messages of the connection's own lane, by orders.attempt for any other one that a handler asks.

A worker that dies leaves a crash on every message it had leased. A message with a crash is a suspect: it is claimed by
itself and carried out with nothing beside it in its process. The innocent succeeds and is clean again; the count of
one that truly kills its worker rises alone, and at five it is held.

This is the whole of it for callers; inside, promises.py, claims.py and work.py follow a message from its promise to its
end, handlers.py says who keeps which, and endings.py what an attempt can end with.
"""

from __future__ import annotations

from orders.outbox.claims import CLAIM_SIZE, CLEAN, EVERY, SUSPECT, claim, due, ready_lanes, suspect_is_due
from orders.outbox.endings import RETRY_AFTER_S, RETRY_FOR, Hold, LeaseLost, Outcome, Postponed, RetryLater, Wait
from orders.outbox.handlers import HANDLERS, Handler
from orders.outbox.promises import (
    move_to,
    post,
    post_apart,
    post_first,
    post_many,
    release,
    release_all,
    release_now,
    renew,
    take_back_mark,
    wake,
    withdraw,
    withdraw_sent,
)
from orders.outbox.work import CRASHES_ALLOWED, carry_out, drain, finishing, mark_sending, steps, take_back_expired

__all__ = [
    "CLAIM_SIZE",
    "CLEAN",
    "CRASHES_ALLOWED",
    "EVERY",
    "HANDLERS",
    "RETRY_AFTER_S",
    "RETRY_FOR",
    "SUSPECT",
    "Handler",
    "Hold",
    "LeaseLost",
    "Outcome",
    "Postponed",
    "RetryLater",
    "Wait",
    "carry_out",
    "claim",
    "drain",
    "due",
    "finishing",
    "mark_sending",
    "move_to",
    "post",
    "post_apart",
    "post_first",
    "post_many",
    "ready_lanes",
    "release",
    "release_all",
    "release_now",
    "renew",
    "steps",
    "suspect_is_due",
    "take_back_expired",
    "take_back_mark",
    "wake",
    "withdraw",
    "withdraw_sent",
]
