"""Input of the shipping pages: shapes only. Weights are typed in kilograms and sizes in centimeters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, cast

from django import forms

from connectors.carriers import known
from orders.errors import InvalidShipment
from orders.models import Fulfillment, OrderLine
from orders.services.open_units import OpenLine, WantedLine
from orders.services.shipments import CARRIER_MAX, NUMBER_MAX, URL_MAX
from orders.services.shipping import HEAVIEST_G, LONGEST_MM, MOST_PARCELS, WantedParcel

OTHER = "other"
MOST_UNITS = 100_000
ROWS = 3  # empty parcels that the form offers
_NTH = re.compile(r"(lines|parcels)\[(\d+)\]\.(\w+)")
_SIDES = ("length_cm", "width_cm", "height_cm")


class LinesForm(forms.Form):
    """How many units of each line; a field for every line that has any to choose."""

    def __init__(
        self, *args: Any, offered: Iterable[tuple[OrderLine, int]], prefill: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lines: dict[str, tuple[OrderLine, int]] = {}
        for line, units in offered:
            if units:
                self._add(line, units, prefill=prefill)

    def _add(self, line: OrderLine, units: int, *, prefill: bool) -> None:
        name = f"line-{line.position}"
        self.lines[name] = (line, units)
        attrs = {"max": units, "inputmode": "numeric", "aria-label": f"Units of {line.title}"}
        self.fields[name] = forms.IntegerField(
            label=line.title,
            required=False,
            min_value=0,
            max_value=MOST_UNITS,
            initial=units if prefill else None,
            widget=forms.NumberInput(attrs=attrs),
        )

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [{"line": line, "units": units, "field": self[name]} for name, (line, units) in self.lines.items()]

    def wanted(self) -> tuple[WantedLine, ...]:
        return tuple(WantedLine(self.lines[name][0].external_id, units) for name, units in self._chosen())

    def _chosen(self) -> list[tuple[str, int]]:
        units = {name: self.cleaned_data.get(name) or 0 for name in self.lines}
        return [(name, number) for name, number in units.items() if number]

    def refuse(self, error: InvalidShipment, parcels: ParcelForms | None = None) -> None:
        """Each of the service's problems beside its field."""
        names = [name for name, _ in self._chosen()]
        for problem in error.problems:
            nth = _NTH.fullmatch(problem.field)
            if nth and nth[1] == "lines":
                self.add_error(names[int(nth[2])], problem.message)
            elif nth and parcels is not None:
                parcels.refuse(int(nth[2]), nth[3], problem.message)
            else:
                self.add_error(problem.field if problem.field in self.fields else None, problem.message)


class ShipForm(LinesForm):
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)


class HandOverForm(LinesForm):
    collected_by = forms.CharField(
        label="Who picks it up",
        max_length=200,
        help_text="As they say it, or as their ID does. It stands in the history.",
    )


class ParcelForm(forms.Form):
    carrier = forms.ChoiceField(
        required=False,
        choices=[("", "No carrier"), *((each.code, each.name) for each in known.KNOWN), (OTHER, "Another carrier")],
    )
    other = forms.CharField(label="Another carrier's name", required=False, max_length=CARRIER_MAX)
    number = forms.CharField(label="Tracking number", required=False, max_length=NUMBER_MAX)
    url = forms.CharField(
        label="Tracking page",
        required=False,
        max_length=URL_MAX,
        help_text="Of another carrier, or where the usual page is wrong.",
        widget=forms.URLInput,
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        if given.get("carrier") == OTHER and not given.get("other") and "other" not in self.errors:
            self.add_error("other", "Type the carrier's name.")
        return given

    @property
    def wanted(self) -> WantedParcel:
        given = self.cleaned_data
        carrier = given["other"] if given["carrier"] == OTHER else given["carrier"]
        return WantedParcel(carrier, given["number"], given["url"], **self._measures())

    def _measures(self) -> dict[str, Any]:
        return {}


def _measure(label: str, most: int) -> forms.DecimalField:
    attrs = {"step": "any", "inputmode": "decimal"}
    return forms.DecimalField(
        label=label, required=False, min_value=Decimal("0.1"), max_value=most, widget=forms.NumberInput(attrs=attrs)
    )


class MeasuredForm(forms.Form):
    """What a parcel weighs and measures."""

    weight_kg = forms.DecimalField(
        label="Weight, kg",
        required=False,
        min_value=Decimal("0.001"),
        max_value=Decimal(HEAVIEST_G) / 1000,
        decimal_places=3,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
    )
    length_cm = _measure("Length, cm", LONGEST_MM // 10)
    width_cm = _measure("Width, cm", LONGEST_MM // 10)
    height_cm = _measure("Height, cm", LONGEST_MM // 10)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        sides = [given.get(side) for side in _SIDES]
        if any(sides) and not all(sides) and not self.errors:
            self.add_error(next(side for side in _SIDES if not given.get(side)), "Give all three sides, or none.")
        return given

    def _measures(self) -> dict[str, Any]:
        given = self.cleaned_data
        weight = int(given["weight_kg"] * 1000) if given["weight_kg"] else None
        sides = [int(given[side] * 10) for side in _SIDES if given[side]]
        return {"weight_g": weight, "size_mm": (sides[0], sides[1], sides[2]) if sides else None}


class BoxForm(MeasuredForm, ParcelForm):
    """A parcel with its carrier, and what it weighs and measures."""


class ParcelForms(forms.BaseFormSet):  # type: ignore[type-arg]
    """Parcels; those that were left empty are none."""

    def wanted(self) -> tuple[WantedParcel, ...]:
        return tuple(form.wanted for form in self._given())

    def refuse(self, index: int, name: str, message: str) -> None:
        form = self._given()[index]
        field = {"weight_g": "weight_kg", "size_mm": "length_cm"}.get(name, name)
        form.add_error(field if field in form.fields else None, message)

    def _given(self) -> list[Any]:
        return [form for form in self.forms if form.has_changed()]


_Boxes = forms.formset_factory(
    BoxForm, formset=ParcelForms, extra=ROWS, max_num=MOST_PARCELS, absolute_max=MOST_PARCELS
)
_Trackings = forms.formset_factory(
    ParcelForm, formset=ParcelForms, extra=ROWS, max_num=MOST_PARCELS, absolute_max=MOST_PARCELS
)


def box_forms(data: Any = None) -> ParcelForms:
    return cast("ParcelForms", _Boxes(data, prefix="parcel"))


def tracking_forms(data: Any, row: Fulfillment) -> ParcelForms:
    """With a form for each parcel that has no number yet."""
    return cast("ParcelForms", _Trackings(data, prefix="parcel", initial=None if data else _initial(row)))


def offered(rows: Iterable[OpenLine]) -> list[tuple[OrderLine, int]]:
    return [(row.line, row.quantity) for row in rows]


def waiting(row: Fulfillment) -> list[tuple[OrderLine, int]]:
    lines = row.lines.select_related("line").order_by("line__position")
    return [(each.line, each.quantity) for each in lines]


def _initial(row: Fulfillment) -> list[Mapping[str, Any]]:
    """An empty tracking form for each parcel that has no number yet, with its carrier."""
    boxes = row.parcels.filter(number="").order_by("pk")
    found = [(box, known.find(box.carrier)) for box in boxes]
    return [
        {"carrier": carrier.code} if carrier else {"carrier": OTHER, "other": box.carrier} if box.carrier else {}
        for box, carrier in found
    ]
