"""A carrier that is asked by e-mail, with a calendar entry: any courier with an inbox.

The entry's UID and the mail's key come from our reference, so that the same request again is the same entry
(RFC 5546, iTIP: REQUEST and CANCEL with one UID and one ORGANIZER, which both need; a higher SEQUENCE counts).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event, vCalAddress, vText

from connectors.carriers.base import Carrier, Confirmation, Letter, PickupRequest, Place

_FILE = "pickup.ics"


class MailCarrier(Carrier):
    key = "mail"
    label = "Carrier by e-mail"
    repeats_safely = True

    def check(self) -> None:
        """An address cannot be asked whether somebody reads it."""

    def schedule(self, request: PickupRequest) -> Confirmation:
        self._send(request, "REQUEST", subject=f"Pickup {request.reference}", lead="Please collect")
        return Confirmation(request.reference)

    def cancel(self, request: PickupRequest, number: str) -> None:
        subject = f"Called off: pickup {request.reference}"
        self._send(request, "CANCEL", subject=subject, lead="Please do not collect")

    def _send(self, request: PickupRequest, method: str, *, subject: str, lead: str) -> None:
        self.post(
            Letter(
                key=f"{request.reference}:{method}",
                to=self.login.email,
                subject=f"{subject}, {_day(request)}",
                text=_text(request, lead),
                file_name=_FILE,
                content=calendar(request, method, to=self.login.email, sender=self.login.sender),
                content_type=f"text/calendar; method={method}; charset=UTF-8",
            )
        )


def calendar(request: PickupRequest, method: str, *, to: str, sender: str) -> bytes:
    """The same request is always the same bytes. Only its organizer may call an entry off: that is who mails it."""
    entry = Event()
    entry.add("uid", f"{request.reference}@storeward")
    entry.add("sequence", 1 if method == "CANCEL" else 0)
    entry.add("dtstamp", _stamp(request))
    entry.add("dtstart", request.opens_at.astimezone(UTC))
    entry.add("dtend", request.closes_at.astimezone(UTC))
    entry.add("summary", f"Pickup {request.reference}: {_load(request)} at {request.place.company}")
    entry.add("location", ", ".join(_address(request.place)))
    entry.add("description", _text(request, "Please collect"))
    entry.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    organizer = vCalAddress(f"MAILTO:{sender}")
    organizer.params["CN"] = vText(request.place.company)
    entry.add("organizer", organizer, encode=False)
    attendee = vCalAddress(f"MAILTO:{to}")
    attendee.params["ROLE"] = vText("REQ-PARTICIPANT")
    entry.add("attendee", attendee, encode=False)
    whole = Calendar()
    whole.add("prodid", "-//Storeward//Pickups//EN")
    whole.add("version", "2.0")
    whole.add("method", method)
    whole.add_component(entry)
    return bytes(whole.to_ical())


def _stamp(request: PickupRequest) -> datetime:
    """A moment that does not change from one try to the next."""
    return request.opens_at.astimezone(UTC) - timedelta(days=1)


def _text(request: PickupRequest, lead: str) -> str:
    countries = ", ".join(f"{piece.parcels} to {piece.country_code}" for piece in request.pieces)
    lines = [
        f"{lead} {_load(request)} ({countries}).",
        "",
        f"When: {_day(request)}, {request.opens_at:%H:%M} to {request.closes_at:%H:%M} ({request.opens_at:%Z})",
        f"Where: {', '.join(_address(request.place))}",
        f"Ask for: {request.place.contact}, {request.place.phone}",
        f"Reference: {request.reference}",
    ]
    return "\n".join([*lines, "", request.note] if request.note else lines) + "\n"


def _load(request: PickupRequest) -> str:
    parcels = "1 parcel" if request.parcels == 1 else f"{request.parcels} parcels"
    return f"{parcels}, {request.weight_g / 1000:g} kg"


def _address(place: Place) -> list[str]:
    town = f"{place.city} {place.province_code} {place.postcode}".strip()
    return [part for part in (place.company, place.address1, place.address2, town, place.country_code) if part]


def _day(request: PickupRequest) -> str:
    return f"{request.opens_at:%A} {request.opens_at.day} {request.opens_at:%B %Y}"
