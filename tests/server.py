"""The live server that practice stores answer from, and the sockets to it."""

from __future__ import annotations

import gc
import threading
import time
from weakref import WeakSet

from connectors.services import clients

PATIENCE_S = 2.0
_staying: WeakSet[threading.Thread] = WeakSet()  # that did not end when they were waited for


def close_kept() -> None:
    """Close what this thread keeps open to stores."""
    for kept in clients._local.__dict__.pop("kept", {}).values():
        kept.client.close()


def let_go() -> None:
    """Close this thread's sockets to the live server, and give its threads the time to end.

    Each holds a session to the database as long as somebody holds a socket to it. One that stays, since a thread of the
    server itself keeps a socket to it, is waited for once: the end of the run closes it.
    """
    close_kept()
    gc.collect()  # an answer that was not what it should be holds its socket until then
    gc.freeze()  # the next one has only what is new to look through
    ends_at = time.monotonic() + PATIENCE_S
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name and thread not in _staying:
            thread.join(timeout=max(0.0, ends_at - time.monotonic()))
            if thread.is_alive():
                _staying.add(thread)
