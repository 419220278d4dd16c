"""What can go wrong on the way out, sorted by what the caller should do. Messages are fit for a merchant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.blockers import Blocker
    from connectors.shapes import OutboundShipment


class ConnectorError(Exception):
    """Something at the other end went wrong. The text never holds a secret, a header or a body."""

    def __init__(self, message: str, *, code: str = "store_unreachable") -> None:
        super().__init__(message)
        self.code = code  # a blocker code of connectors.blockers.BlockerCode


class RetryableError(ConnectorError):
    """Nothing was done there; the same request may succeed later.

    `after_s` is the least number of seconds to wait, None when the other side named none.
    `throttled` tells a rate limit (costs no attempt, slows this connection alone) from a fault.
    """

    def __init__(
        self, message: str, *, code: str = "store_unreachable", after_s: float | None = None, throttled: bool = False
    ) -> None:
        super().__init__(message, code=code)
        self.after_s = after_s
        self.throttled = throttled


class TooLargeError(RetryableError):
    """The answer to a question is larger than may be taken: ask for less at once, where that can be."""


class OutcomeUnknownError(RetryableError):
    """The request may have been carried out (time-out, reset, 5xx, unreadable answer): look before repeating.

    `answered`: with a fault of their own (500), which some keep for the request's idempotency key and repeat.
    """

    def __init__(self, message: str, *, after_s: float | None = None, answered: bool = False) -> None:
        super().__init__(message, code="outcome_unknown", after_s=after_s)
        self.answered = answered


class CredentialsError(ConnectorError):
    """The token is dead or lacks a scope: ask the merchant to reconnect."""

    def __init__(self, message: str, *, code: str = "credentials_expired", field: str = "") -> None:
        super().__init__(message, code=code)
        self.field = field  # of the platform's form, where one is known to be wrong


class ServerKeyError(CredentialsError):
    """The server shows a key that nobody confirmed. Nothing was said to it but hello."""

    def __init__(self, message: str, *, host: str, shown: str, known: str) -> None:
        super().__init__(message)
        self.host = host
        self.shown = shown  # "ssh-ed25519 SHA256:...", as people compare it; empty when it shows none that we can take
        self.known = known  # what was confirmed; empty when nothing was


class MovedError(ConnectorError):
    """A supplier that our own book stands for answers at another address: a person says whether it is the same."""

    def __init__(self, moved_to: str) -> None:
        super().__init__(f"This is another address: {moved_to}.")
        self.moved_to = moved_to


class ConnectionGoneError(ConnectorError):
    """The shop is frozen, locked or deleted: pause the connection."""


class RejectedError(ConnectorError):
    """The destination said no; the same request will be refused again. Nothing was created."""

    def __init__(self, message: str, blockers: Iterable[Blocker] = ()) -> None:
        self.blockers = tuple(blockers)
        super().__init__(message, code=self.blockers[0].code if self.blockers else "internal_error")


class HostRefusedError(ConnectorError):
    """A firewall or proxy in front of the other side turned the request away, or its answer: it may have been carried out.

    It would be turned away again, so a person is needed; whoever repeats it looks first, or has a key against repeats.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, code="store_unreachable")


class NotVisibleError(RejectedError):
    """It is not shown, and that proves nothing: what is older than `shown_for` is hidden from us while it stands."""

    def __init__(self, message: str, blockers: Iterable[Blocker] = (), *, shown_for: timedelta) -> None:
        super().__init__(message, blockers)
        self.shown_for = shown_for


class SeveralPlacesError(ConnectorError):
    """The units lie at several places there, each of which sends its own: tell `parts` one by one. Nothing was done."""

    def __init__(self, parts: Iterable[OutboundShipment]) -> None:
        super().__init__("What was sent lies at several places there.")
        self.parts = tuple(parts)


class NotOfferedError(ConnectorError):
    """The platform has no such thing; asking again will not help."""


class BadSignatureError(ConnectorError):
    """A webhook whose signature, shop or shape is not what its connection expects. Answered with 401."""


class FieldError(Exception):
    """Something typed into a form cannot be; the text says what would be right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
