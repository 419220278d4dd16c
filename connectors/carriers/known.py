"""The common carriers, and where each shows what became of a parcel.

The patterns are the public tracking pages of the carriers' own sites, looked at 2026-11. A carrier that is not here is
typed with its own address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class KnownCarrier:
    code: str
    name: str
    pattern: str  # {number} is the tracking number

    def url(self, number: str) -> str:
        return self.pattern.replace("{number}", quote(number, safe=""))


KNOWN: tuple[KnownCarrier, ...] = (
    KnownCarrier("auspost", "Australia Post", "https://auspost.com.au/mypost/track/details/{number}"),
    KnownCarrier(
        "canadapost", "Canada Post", "https://www.canadapost-postescanada.ca/track-reperage/en#/details/{number}"
    ),
    KnownCarrier("correios", "Correios", "https://rastreamento.correios.com.br/app/index.php?objetos={number}"),
    KnownCarrier("dhl", "DHL Express", "https://www.dhl.com/en/express/tracking.html?AWB={number}"),
    KnownCarrier("dpd", "DPD", "https://www.dpdgroup.com/be/mydpd/my-parcels/track?parcelNumber={number}"),
    KnownCarrier("fedex", "FedEx", "https://www.fedex.com/fedextrack/?trknbr={number}"),
    KnownCarrier("gls", "GLS", "https://gls-group.com/GROUP/en/parcel-tracking?match={number}"),
    KnownCarrier("laposte", "La Poste", "https://www.laposte.fr/outils/suivre-vos-envois?code={number}"),
    KnownCarrier("nzpost", "NZ Post", "https://www.nzpost.co.nz/tools/tracking?trackid={number}"),
    KnownCarrier("royalmail", "Royal Mail", "https://www.royalmail.com/track-your-item#/tracking-results/{number}"),
    KnownCarrier("ups", "UPS", "https://www.ups.com/track?tracknum={number}"),
    KnownCarrier("usps", "USPS", "https://tools.usps.com/go/TrackConfirmAction?tLabels={number}"),
)
BY_CODE: Mapping[str, KnownCarrier] = {carrier.code: carrier for carrier in KNOWN}
_BY_NAME = {carrier.name.lower(): carrier for carrier in KNOWN}


def find(text: str) -> KnownCarrier | None:
    """By code or name, in any case."""
    return BY_CODE.get(text.strip().lower()) or _BY_NAME.get(text.strip().lower())
