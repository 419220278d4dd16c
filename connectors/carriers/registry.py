"""The carriers that can be asked to come. A new one is a module beside this one and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.carriers.base import Carrier
from connectors.carriers.by_mail import MailCarrier
from connectors.carriers.ups import UpsCarrier

CARRIERS: Mapping[str, type[Carrier]] = {carrier.key: carrier for carrier in (MailCarrier, UpsCarrier)}
