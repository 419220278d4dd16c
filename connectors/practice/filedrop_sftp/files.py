"""The folders on a practice supplier's server, as its office uses them. Nothing here speaks SFTP."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from connectors.practice import dials
from connectors.practice.filedrop import inbox
from connectors.practice.models import PracticeFile, PracticeFulfillment, PracticeShop

PLATFORM = "filedrop_sftp"
ORDERS, TRACKING, ARCHIVE = "/orders", "/tracking", "/archive"
FOLDERS = (ORDERS, TRACKING, ARCHIVE)


def shop_of(user: str, password: str) -> PracticeShop | None:
    shop = PracticeShop.objects.filter(platform=PLATFORM, slug=user).first()
    return shop if shop and hmac.compare_digest(shop.access_token.encode(), password.encode()) else None


def shop_of_key(user: str, key: str) -> PracticeShop | None:
    """By the public key, in base64, that somebody left in the shop's settings."""
    shop = PracticeShop.objects.filter(platform=PLATFORM, slug=user).first()
    return shop if shop and key and shop.settings.get("public_key") == key else None


def of_any(name: str) -> bool:
    """Use one turn of a dial that works before anybody has said who is calling."""
    return any(dials.take(shop, name) is not None for shop in PracticeShop.objects.filter(platform=PLATFORM))


def turned(shop: PracticeShop, name: str) -> int | None:
    """Use one turn of a dial as it stands now: a session lasts, and a person turns dials meanwhile."""
    return dials.take(PracticeShop.objects.get(pk=shop.pk), name)


def listed(shop: PracticeShop, folder: str) -> list[PracticeFile]:
    return [row for row in shop.files.order_by("path") if row.path.rpartition("/")[0] == folder]


def get(shop: PracticeShop, path: str) -> PracticeFile | None:
    return shop.files.filter(path=path).first()


def put(shop: PracticeShop, path: str, body: bytes) -> None:
    PracticeFile.objects.update_or_create(shop=shop, path=path, defaults={"body": body, "modified_at": timezone.now()})


def remove(shop: PracticeShop, path: str) -> bool:
    return bool(shop.files.filter(path=path).delete()[0])


@transaction.atomic
def rename(shop: PracticeShop, path: str, to: str) -> bool:
    """False when something has the name. A purchase order under its final name is what the office reads."""
    if get(shop, to) is not None or not shop.files.filter(path=path).update(path=to):
        return False
    if to.startswith(f"{ORDERS}/") and to.endswith(".csv"):
        inbox.receive(shop, bytes(shop.files.get(path=to).body).decode(errors="replace"), by="SFTP")
        if turned(shop, "takes_away") is not None:
            _archive(shop, to)
    return True


def _archive(shop: PracticeShop, path: str) -> None:
    kept = path.replace(ORDERS, ARCHIVE, 1)
    remove(shop, kept)
    shop.files.filter(path=path).update(path=kept)


def leave_tracking(fulfillment: PracticeFulfillment) -> None:
    """What one fulfillment says now, as a file of its own."""
    shop = fulfillment.order.shop
    number = shop.files.filter(path__startswith=f"{TRACKING}/").count() + 1
    put(shop, f"{TRACKING}/tracking-{number:05}.csv", inbox.sheet(_rows(fulfillment)).encode())


def _rows(fulfillment: PracticeFulfillment) -> Iterable[inbox.Sent]:
    return inbox.rows_of(fulfillment) if fulfillment.status == "SUCCESS" else ()
