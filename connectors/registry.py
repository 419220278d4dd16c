"""Platform -> its driver and what it takes to connect one. A new platform is one folder and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from django.utils.module_loading import import_string

from connectors.base import ConnectField, Connector, Entry
from connectors.grants import App, Grant, TokenRequest, Trip
from connectors.http import Answer

_CONNECTORS = {
    "shopify": "connectors.shopify.connector.ShopifyConnector",
    "woocommerce": "connectors.woocommerce.connector.WooCommerceConnector",
    "squarespace": "connectors.squarespace.connector.SquarespaceConnector",
    "ssactivewear": "connectors.ssactivewear.connector.SsActivewearConnector",
    "filedrop": "connectors.filedrop.connector.FileDropConnector",
    "filedrop_sftp": "connectors.filedrop_sftp.connector.SftpDropConnector",
}

_WITH_OAUTH = frozenset({"shopify", "squarespace", "woocommerce"})  # those that have a module `oauth.py`


class PlatformForm(Protocol):
    """The module `form.py` of a platform."""

    LEAD: str  # one sentence above the form
    FIELDS: tuple[ConnectField, ...]
    RECONNECT: tuple[str, ...]  # names of the fields that a reconnect asks for again

    def read(self, given: Mapping[str, str], *, base_url: str = "") -> Entry:
        """`base_url`: where it answers, when that is known without what was typed. Raises connectors.errors.FieldError."""

    def address(self, typed: str) -> str:
        """Where it answers, as typed; only those who ask for a `base_url`. Raises connectors.errors.FieldError."""


class PlatformOAuth(Protocol):
    """The module `oauth.py` of a platform: its own authorization. Pure: it forms requests and reads answers.

    `HANDS_OVER` says which half of the functions there is: `handed_over`, or the four about tokens.
    """

    LEAD: str  # one sentence above the button
    STATE: str  # the parameter in which the state comes back
    ASKS_ADDRESS: bool  # False: the platform asks for the shop itself
    HANDS_OVER: bool  # True: the store posts its keys, which do not run out
    SIGNS_WITH_APP: bool  # True: its webhooks are signed with the app's secret

    def authorize_url(self, app: App, trip: Trip) -> str:
        """Where the merchant's browser goes."""

    def returned(self, query: str, app: App, trip: Trip, *, at: datetime) -> str:
        """The code in what the browser brought back, empty where there is none. Raises NotAuthorizedError."""

    def exchange(self, app: App, base_url: str, code: str, return_url: str) -> TokenRequest:
        """Asks for the grant."""

    def granted(self, answer: Answer, *, at: datetime) -> Grant:
        """Raises NotAuthorizedError, or OutcomeUnknownError for an answer that cannot be read."""

    def refresh(self, app: App, base_url: str, credentials: Mapping[str, str]) -> TokenRequest:
        """Asks for the grant that follows."""

    def refreshed(self, answer: Answer, *, at: datetime) -> Grant:
        """Raises GrantLostError, RejectedError, ConnectionGoneError or OutcomeUnknownError."""

    def handed_over(self, body: Mapping[str, Any]) -> Mapping[str, str]:
        """Credentials that the store posted. Raises NotAuthorizedError."""


@dataclass(frozen=True, slots=True)
class Platform:
    key: str
    label: str
    lead: str


def platforms() -> list[Platform]:
    """All of them, as the gallery shows them."""
    return [Platform(key, connector_class(key).label, form_of(key).LEAD) for key in _CONNECTORS]


def knows(platform: str) -> bool:
    return platform in _CONNECTORS


@cache
def connector_class(platform: str) -> type[Connector]:
    """Raises KeyError for an unknown platform."""
    cls: type[Connector] = import_string(_CONNECTORS[platform])
    return cls


@cache
def form_of(platform: str) -> PlatformForm:
    """Raises KeyError for an unknown platform."""
    return cast("PlatformForm", import_module(f"{_package(platform)}.form"))


@cache
def oauth_of(platform: str) -> PlatformOAuth | None:
    """None for a platform that knows keys alone."""
    return cast("PlatformOAuth", import_module(f"{_package(platform)}.oauth")) if platform in _WITH_OAUTH else None


def _package(platform: str) -> str:
    return _CONNECTORS[platform].rsplit(".", 2)[0]
