"""A practice supplier that takes orders by SFTP: a user, a password and two folders."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse

from connectors.practice.filedrop_sftp import files
from connectors.practice.models import PracticeDelivery, PracticeShop, PracticeWebhook
from connectors.practice.platforms import Change, PracticePlatform, Typed


class SftpDropPractice(PracticePlatform):
    key: ClassVar[str] = files.PLATFORM
    label: ClassVar[str] = "Supplier by SFTP"
    faults: ClassVar[frozenset[str]] = frozenset(
        {
            "lost_answer", "hang", "down", "slow", "dead_token", "html", "torn", "other_key", "no_folder", "forbidden",
            "read_only", "disk_full", "torn_upload", "takes_away",
        }
    )  # fmt: skip

    def domain(self, slug: str) -> str:
        return f"sftp.{slug}.example"

    def keys(self) -> dict[str, Any]:
        return {"access_token": secrets.token_urlsafe(18), "time_zone": "UTC"}

    def typed(self, shop: PracticeShop) -> tuple[Typed, ...]:
        return (
            Typed("host", "Server", "127.0.0.1"),
            Typed("port", "Port", str(settings.PRACTICE_SFTP_PORT)),
            Typed("user", "User", shop.slug),
            Typed("password", "Password", shop.access_token),
            Typed("orders_folder", "Folder for purchase orders", files.ORDERS),
            Typed("tracking_folder", "Folder for tracking", files.TRACKING),
            Typed("currency", "Currency", shop.currency),
        )

    def told(self, change: Change) -> tuple[str, Mapping[str, Any]] | None:
        """It has no webhooks: what was sent is a file in the folder for tracking."""
        if change.fulfillment is not None:
            files.leave_tracking(change.fulfillment)
        return None

    def listens(self, webhook: PracticeWebhook, topic: str) -> bool:
        return False

    def headers(self, delivery: PracticeDelivery, body: bytes) -> dict[str, str]:
        return {}

    def refusal(self, dial: str, seconds: int) -> HttpResponse:
        """It is never called: nobody speaks HTTP to it."""
        return HttpResponse(status=503)
