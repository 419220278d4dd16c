"""The trip to a platform's own page and back: begun by a person, ended once, and only in the same browser.

Nothing is connected before the shop itself has said who it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError
from django.urls import reverse

from accounts.models import Merchant
from connectors import grants
from connectors.base import ShopInfo
from connectors.errors import ConnectorError
from connectors.grants import App, Grant, NotAuthorizedError, Trip
from connectors.http import HttpClient
from connectors.models import Authorization, Connection
from connectors.registry import PlatformOAuth, oauth_of
from connectors.services import apps, connections, practice

LASTS = timedelta(minutes=20)  # a person may have to sign in there first
KEPT = timedelta(days=7)  # for who asks what became of it
STATE_MAX = 200


class TripRefused(Exception):
    """The way there or back ends here; the text says why, to the merchant."""


class NotYet(Exception):
    """The store has not handed over its keys yet: look again."""


@dataclass(frozen=True, slots=True)
class Arrival:
    connection: Connection
    is_new: bool
    missing_scopes: tuple[str, ...]


def start(
    *,
    merchant_id: int,
    platform: str,
    base_url: str,
    session_nonce: str,
    by: str,
    at: datetime,
    connection_id: int | None = None,
) -> str:
    """The address on the platform where the merchant is asked. Raises TripRefused.

    `connection_id` names the connection that is to have new access; None: a new one is to come.
    """
    module, app = _means(platform)
    _refuse_unreachable(module, app, base_url)
    state = secrets.token_urlsafe(32)
    trip = _trip(module, platform, base_url, _expected_domain(module, base_url), state)
    Authorization.objects.create(
        state_digest=_digest(state),
        session_digest=_digest(session_nonce),
        merchant_id=merchant_id,
        connection_id=connection_id,
        platform=platform,
        base_url=base_url,
        shop_domain=trip.shop_domain,
        started_by=by,
        started_at=at,
        expires_at=at + LASTS,
    )
    return module.authorize_url(apps.app_at(app, base_url), trip)


def finish(*, merchant_id: int, platform: str, query: str, session_nonce: str, by: str, at: datetime) -> Arrival:
    """What the browser brought back, made into a connection.

    Raises TripRefused, NotYet, or the ConnectorError of a shop that does not answer. Network: never in a transaction.
    """
    module, app = _means(platform)
    try:
        state = grants.parameters(query).get(module.STATE, "")
        row = _begun(merchant_id, platform, state, session_nonce, at=at)
        trip = _trip(module, platform, row.base_url, row.shop_domain, state)
        code = _code(module, app, trip, row, query, at=at)
        grant = _handed_over(row, at=at) if module.HANDS_OVER else _exchanged(module, app, trip, row, code, at=at)
    except NotAuthorizedError as refusal:
        raise TripRefused(str(refusal)) from refusal
    shop = connections.ask(platform=platform, base_url=row.base_url, credentials=grant.credentials)
    _check_shop(row, shop)
    return _save(row, grant, shop, by=by, at=at)


def receive(*, platform: str, body: Mapping[str, object], at: datetime) -> bool:
    """Keys that a store posts by itself: kept until the merchant's browser comes back. False when nobody waits for them.

    They are not believed: `finish` asks the store that was named when the trip began.
    """
    module, _ = _means(platform)
    if not module.HANDS_OVER:
        return False
    state = str(body.get(module.STATE) or "")[:STATE_MAX]
    waiting = Authorization.objects.filter(
        platform=platform, state_digest=_digest(state), used_at=None, received_at=None, expires_at__gt=at
    )
    try:
        keys = module.handed_over(body)
    except NotAuthorizedError:
        return False
    return bool(waiting.update(received=dict(keys), received_at=at))


def forget(*, at: datetime) -> int:
    """Delete trips that are long over, and keys that nobody came back for. Returns how many trips."""
    Authorization.objects.filter(expires_at__lte=at).exclude(received="").update(received={})
    return Authorization.objects.filter(expires_at__lte=at - KEPT).delete()[0]


def return_url(platform: str) -> str:
    """Where the platform sends the browser back to, exactly as it is registered there."""
    return f"{settings.BASE_URL}{reverse('connectors:authorized', args=[platform])}"


# --- the way there --------------------------------------------------------------------------------


def _means(platform: str) -> tuple[PlatformOAuth, App]:
    module = oauth_of(platform)
    if module is None or not apps.can_authorize(platform):
        raise TripRefused("This Storeward is not registered with the platform. Connect the store with a key.")
    return module, apps.app_of(platform) or App(settings.APP_NAME, ())


def _refuse_unreachable(module: PlatformOAuth, app: App, base_url: str) -> None:
    """Said here, since the platform's own page would say it in riddles."""
    if practice.is_practice(base_url):
        return
    if app.key == settings.PRACTICE_APP:
        raise TripRefused(
            "This Storeward knows practice stores only. Set the platform's app key to connect a real one."
        )
    if module.HANDS_OVER and not settings.BASE_URL.startswith("https://"):
        raise TripRefused("The store hands its keys to https addresses only. Type the keys instead.")


def _expected_domain(module: PlatformOAuth, base_url: str) -> str:
    """What the shop calls itself; empty when nobody knows beforehand which one will answer."""
    if not module.ASKS_ADDRESS:
        return ""
    return practice.domain(base_url) or urlsplit(base_url).hostname or ""


def _trip(module: PlatformOAuth, platform: str, base_url: str, shop_domain: str, state: str) -> Trip:
    deliver = reverse("connectors:authorized_keys", args=[platform]) if module.HANDS_OVER else ""
    return Trip(
        base_url=base_url,
        shop_domain=shop_domain,
        state=state,
        return_url=return_url(platform),
        deliver_url=f"{settings.BASE_URL}{deliver}" if deliver else "",
    )


# --- the way back ---------------------------------------------------------------------------------


def _begun(merchant_id: int, platform: str, state: str, session_nonce: str, *, at: datetime) -> Authorization:
    """The trip that this answer ends. Raises TripRefused when there is none, any more, or it is somebody else's."""
    rows = Authorization.objects.select_related("merchant", "connection")
    row = rows.filter(platform=platform, state_digest=_digest(state[:STATE_MAX])).first()
    if row is None or not session_nonce or not grants.same(_digest(session_nonce), row.session_digest):
        raise TripRefused("This answer was not asked for in this browser. Begin again.")
    if row.merchant_id != merchant_id:
        raise TripRefused(f"This was begun for {row.merchant}. Switch to it and begin again.")
    if row.used_at is not None:
        raise TripRefused("This answer was used before. If the store is not connected, begin again.")
    if row.expires_at <= at:
        raise TripRefused("It took too long. Begin again.")
    return row


def _code(module: PlatformOAuth, app: App, trip: Trip, row: Authorization, query: str, *, at: datetime) -> str:
    """The trip is over with a code, a denial, or an answer that cannot be believed. Raises NotAuthorizedError.

    What is not the platform's own answer leaves the trip open: the true one may still come.
    """
    try:
        return module.returned(query, app, trip, at=at)
    except grants.DeniedError:
        _use(row, at=at)
        raise


def _use(row: Authorization, *, at: datetime) -> None:
    """The trip is over. Raises TripRefused for the second of two at once."""
    rows = Authorization.objects.filter(pk=row.pk, used_at=None)
    if not rows.update(used_at=at, received={}):
        raise TripRefused("This answer was used before. If the store is not connected, begin again.")


def _handed_over(row: Authorization, *, at: datetime) -> Grant:
    if row.received_at is None:
        raise NotYet
    credentials: dict[str, str] = dict(row.received)
    _use(row, at=at)
    return Grant(credentials)


def _exchanged(module: PlatformOAuth, app: App, trip: Trip, row: Authorization, code: str, *, at: datetime) -> Grant:
    """The grant for the code, which is tried once: a second try would be refused."""
    _refuse_taken(row)
    _use(row, at=at)
    request = module.exchange(apps.app_at(app, trip.base_url), trip.base_url, code, trip.return_url)
    with closing(HttpClient(allow_loopback=settings.ALLOW_LOOPBACK, deadline_s=connections.ASK_DEADLINE_S)) as http:
        try:
            answer = http.request(
                "POST",
                request.url,
                headers=request.headers,
                json=dict(request.json),
                auth=request.auth,
                operation="access_token",
                changes=True,
            )
            return module.granted(answer, at=at)
        except NotAuthorizedError:
            raise
        except ConnectorError as error:
            raise TripRefused(f"{error} Nothing was connected: begin again.") from error


def _refuse_taken(row: Authorization) -> None:
    """An app has one access per shop: new access for one merchant would take away another's."""
    taken = Connection.objects.standing().own().filter(platform=row.platform, by_app=True, shop_domain=row.shop_domain)
    if row.shop_domain and taken.exclude(merchant_id=row.merchant_id).exists():
        raise TripRefused("This store is connected to another business in this Storeward. Disconnect it there first.")


def _check_shop(row: Authorization, shop: ShopInfo) -> None:
    if row.connection is not None and shop.remote_id != row.connection.remote_id:
        raise TripRefused(f"This is another store: {shop.name}. {row.connection.name} was not changed.")


def _save(row: Authorization, grant: Grant, shop: ShopInfo, *, by: str, at: datetime) -> Arrival:
    """A new connection, or new access for the one that stands for this very shop."""
    access = connections.Access(True, grant.expires_at, grant.refresh_expires_at)
    standing = _standing(row.merchant, row.platform, shop)
    signed_with = tuple(filter(None, [grant.credentials.get("webhook_secret", "")]))
    if standing is not None:
        connection = connections.reconnect(
            connection_id=standing.pk,
            credentials=grant.credentials,
            webhook_secrets=signed_with,
            access=access,
            shop=shop,
            by=by,
            at=at,
        )
        return Arrival(connection, False, shop.missing_scopes)
    try:
        connection = connections.connect(
            merchant_id=row.merchant_id,
            platform=row.platform,
            name="",
            base_url=row.base_url,
            credentials=grant.credentials,
            webhook_secrets=signed_with,
            shop=shop,
            access=access,
            by=by,
            at=at,
        )
    except IntegrityError:
        raise TripRefused("This store is connected already, under another name.") from None
    return Arrival(connection, True, shop.missing_scopes)


def _standing(merchant: Merchant, platform: str, shop: ShopInfo) -> Connection | None:
    rows = Connection.objects.of(merchant).standing().own().filter(platform=platform, remote_id=shop.remote_id)
    return rows.order_by("pk").first() if shop.remote_id else None


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
