"""One account at a platform: how it is reached and connected, and what may be asked of it.

Nothing here knows Django. Everybody imports these from connectors.base, beside the verbs that use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.desk import Desk


@dataclass(frozen=True, slots=True)
class Account:
    """One shop and how to reach it. `credentials` never shows in a repr.

    Read `credentials` when a call is made, not before: reading them raises CredentialsError when their key is lost.
    """

    base_url: str  # "https://kauri.myshopify.com"
    credentials: Mapping[str, str] = field(repr=False)
    currency: str = ""
    remote_id: str = ""
    shop_domain: str = ""  # what its webhooks call it, where that is not the host of base_url
    missing_scopes: tuple[str, ...] = ()  # permissions that the last `check` found lacking
    settings: Mapping[str, Any] = field(default_factory=dict)  # what the last `check` told of the shop
    webhook_secret: Mapping[str, Any] = field(default_factory=dict, repr=False)  # {"secrets": those we know}
    tracking_key: str = ""  # where this shop keeps tracking besides the places that the driver knows
    desk: Desk | None = field(default=None, repr=False)  # where capabilities.desk asks for it


@dataclass(frozen=True, slots=True)
class Budget:
    """What the destination said about its rate limit in its last answer, in its own units.

    `available` is None when it names its limit but not what is left of it: whoever keeps the budget then counts by
    the connector's `costs`, from a full bucket on.
    """

    available: float | None
    maximum: float
    restore_per_s: float


@dataclass(frozen=True, slots=True)
class ConnectField:
    """One thing that a person types to connect a shop. Secrets are never shown again."""

    name: str
    label: str
    help: str = ""
    kind: str = "text"  # text, secret, secret_text (of many lines), email, number or choice
    required: bool = True
    placeholder: str = ""
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """What was typed, as a connection keeps it."""

    base_url: str
    credentials: Mapping[str, str] = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
