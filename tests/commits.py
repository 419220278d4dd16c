"""A database that goes away: at every statement, or around one commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from django.db import OperationalError
from django.db import connection as database


def gone() -> OperationalError:
    return OperationalError("server closed the connection unexpectedly")


@contextmanager
def away() -> Iterator[None]:
    """No statement reaches it."""

    def refused(*_args: object, **_kwargs: object) -> None:
        raise gone()

    with patch.object(database, "cursor", refused), patch.object(database, "chunked_cursor", refused):
        yield


@contextmanager
def lost_commit(nth: int, *, carried_out: bool, and_later: bool = False) -> Iterator[list[int]]:
    """The nth commit from now fails; `carried_out`: it was made, and only its answer was lost. Gives the commits seen."""
    seen: list[int] = []
    commit: Callable[[], None] = database._commit  # type: ignore[attr-defined]

    def failing() -> None:
        seen.append(len(seen) + 1)
        if seen[-1] != nth and not (and_later and seen[-1] > nth):
            commit()
            return
        if carried_out:
            commit()
        raise gone()

    with patch.object(database, "_commit", failing):
        yield seen
