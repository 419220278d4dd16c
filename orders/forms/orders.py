"""Input of the order pages: shapes only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms

from accounts.services.addresses import is_address
from connectors.models import Connection
from connectors.money import exponent, plain
from orders.enums import CUSTOMER_REASONS, MERCHANT_REASONS, ReexportWay, RefundReason, RuleKind
from orders.errors import InvalidRefund
from orders.models import OrderLine
from orders.services import pictures
from orders.services.refund_quotes import Left, LeftLine, Wanted, WantedLine
from orders.services.refund_requests import AskedLine
from orders.services.rerouting import Move
from orders.services.routing_rules import NewRule

MOST_PICTURES = 50  # an upload has a hundred parts at the most
_NTH_LINE = re.compile(r"lines\[(\d+)\]")


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=500, help_text="The customer may be told.", widget=forms.Textarea(attrs={"rows": 3})
    )


class FoundForm(forms.Form):
    remote_id = forms.CharField(
        max_length=300,
        label="Its id in the store",
        help_text="Or the address of its page there. The order is read, and its reference and total are compared.",
        error_messages={"required": "Say under which id it stands there."},
    )


class MoveForm(forms.Form):
    """Lines of one order, and the destination that they go to instead; both by public id."""

    lines = forms.MultipleChoiceField(
        error_messages={"required": "Choose the lines to move.", "invalid_choice": "This order has no such line."}
    )
    destination = forms.ChoiceField(
        error_messages={
            "required": "Choose where the lines go.",
            "invalid_choice": "This store is no destination of yours.",
        }
    )

    def __init__(
        self, *args: Any, lines: Iterable[OrderLine], destinations: Iterable[Connection], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.line_ids = {line.public_id: line.pk for line in lines}
        self.connection_ids = {connection.public_id: connection.pk for connection in destinations}
        _offer(self, "lines", {public_id: public_id for public_id in self.line_ids})
        _offer(self, "destination", {public_id: public_id for public_id in self.connection_ids})

    @property
    def moves(self) -> list[Move]:
        connection_id = self.connection_ids[self.cleaned_data["destination"]]
        return [Move(self.line_ids[public_id], connection_id) for public_id in self.cleaned_data["lines"]]


class RuleForm(forms.Form):
    """A routing rule; its destination's value is a public id."""

    kind = forms.ChoiceField(label="When", choices=RuleKind.choices)
    name = forms.CharField(
        label="Detail",
        max_length=60,
        required=False,
        help_text="For “Order detail is” only: the detail's name, as payment_terms.",
    )
    value = forms.CharField(
        max_length=120, help_text="The beginning of a SKU, a tag, the detail's value, or a country code as NZ."
    )
    destination = forms.ChoiceField(label="Goes to")

    def __init__(self, *args: Any, destinations: Iterable[Connection], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connections = {connection.public_id: connection for connection in destinations}
        _offer(self, "destination", {key: connection.name for key, connection in self.connections.items()})

    @property
    def rule(self) -> NewRule:
        given = self.cleaned_data
        return NewRule(given["kind"], given["name"], given["value"], self.connections[given["destination"]].pk)


class DefaultDestinationForm(forms.Form):
    default = forms.ChoiceField(
        label="Default destination", help_text="Takes the lines that no rule and no product link sends elsewhere."
    )

    def __init__(self, *args: Any, destinations: Iterable[Connection], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connections = {connection.public_id: connection for connection in destinations}
        chosen = next((key for key, connection in self.connections.items() if connection.is_default), "")
        names = {key: connection.name for key, connection in self.connections.items()}
        _offer(self, "default", names if chosen else {"": "Choose one", **names})
        self.fields["default"].initial = chosen


class ReexportForm(forms.Form):
    way = forms.ChoiceField(
        choices=ReexportWay,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what is to be done.", "invalid_choice": "Choose one of these."},
    )

    @property
    def chosen(self) -> ReexportWay:
        return ReexportWay(self.cleaned_data["way"])


class OrderSettingsForm(forms.Form):
    auto_accept = forms.BooleanField(
        label="Auto-accept",
        required=False,
        help_text="On: an order that its store will take is confirmed at once, and its payment is taken. Off: each waits for you.",
    )
    confirm_within_hours = forms.IntegerField(
        label="Hours to confirm",
        min_value=1,
        max_value=720,
        help_text="After that an order expires and the customer's authorization is released. Never later than the card allows.",
    )
    alert_addresses = forms.CharField(
        label="Who is told of problems",
        required=False,
        help_text="E-mail addresses, one per line. Empty: the owners.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean_alert_addresses(self) -> list[str]:
        addresses = [line.strip() for line in self.cleaned_data["alert_addresses"].splitlines() if line.strip()]
        for address in addresses:
            if not is_address(address):
                raise forms.ValidationError(f"{address} is not an e-mail address.")
        if len(addresses) > 10:  # a list of people, not a mailing list
            raise forms.ValidationError("Ten addresses at the most.")
        return addresses


def _offer(form: forms.Form, name: str, choices: dict[str, str]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101  # as declared above
    field.choices = list(choices.items())


class _LinesForm(forms.Form):
    """A quantity for each line of an order that still has units to give back."""

    def __init__(self, data: Any = None, files: Any = None, *, left: Left, **kwargs: Any) -> None:
        super().__init__(data, files, **kwargs)
        self.left = left
        self.lines = {f"line-{item.line.position}": item for item in left.lines if item.quantity}
        for name, item in self.lines.items():
            attrs = {"max": item.quantity, "inputmode": "numeric"} | self.named(item)
            self.fields[name] = forms.IntegerField(
                required=False, min_value=0, label=item.line.title, widget=forms.NumberInput(attrs=attrs)
            )

    def named(self, item: LeftLine) -> dict[str, str]:
        """How the field of a line is called for those who do not see it in its row."""
        return {"aria-label": f"Units of {item.line.title}"}

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [{"left": item, "field": self[name]} for name, item in self.lines.items()]

    def chosen(self) -> list[tuple[str, LeftLine, int]]:
        """Field name, line, units: of those with any."""
        units = {name: self.cleaned_data.get(name) or 0 for name in self.lines}
        return [(name, item, units[name]) for name, item in self.lines.items() if units[name]]

    def refuse(self, error: InvalidRefund) -> None:
        """Each of the service's problems beside its field."""
        names = [name for name, _, _ in self.chosen()]
        for problem in error.problems:
            nth = _NTH_LINE.match(problem.field)
            field = names[int(nth[1])] if nth else problem.field
            self.add_error(field if field in self.fields else None, problem.message)


class RefundForm(_LinesForm):
    """Amounts in the order's currency, with its decimals."""

    reason = forms.ChoiceField(choices=[("", "Choose a reason"), *((r.value, r.label) for r in MERCHANT_REASONS)])
    note = forms.CharField(
        required=False, max_length=1000, help_text="The customer is not told.", widget=forms.Textarea(attrs={"rows": 2})
    )
    restock = forms.BooleanField(
        required=False,
        label="The units go back into stock",
        help_text="Told to the store once the money is given, where it can be told (Shopify and WooCommerce). Elsewhere change it there.",
    )
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, left: Left, **kwargs: Any) -> None:
        super().__init__(data, left=left, **kwargs)
        self.fields["shipping"] = self._amount(
            "Shipping", f"Up to {plain(left.shipping, left.currency)} {left.currency}, its tax inside."
        )
        self.fields["amount"] = self._amount(
            "Amount",
            "Empty: what the lines and the shipping come to. You may lower it, or give an amount without lines.",
        )
        if left.shipping == 0:
            del self.fields["shipping"]

    def _amount(self, label: str, help_text: str) -> forms.DecimalField:
        decimals = exponent(self.left.currency)
        return forms.DecimalField(
            label=label,
            help_text=help_text,
            required=False,
            min_value=Decimal(0),
            max_digits=16,
            decimal_places=decimals,
        )

    def wanted(self) -> Wanted:
        values = self.cleaned_data
        return Wanted(
            lines=tuple(WantedLine(item.line.external_id, units) for _, item, units in self.chosen()),
            shipping=values.get("shipping") or Decimal(0),
            amount=values["amount"],
            reason=RefundReason(values["reason"]),
            note=values["note"],
            restock=values["restock"],
        )

    @staticmethod
    def initial_of(wanted: Wanted, left: Left) -> dict[str, Any]:
        """What the form shows for a refund that is suggested."""
        units = {item.id: item.quantity for item in wanted.lines}
        lines = {f"line-{item.line.position}": units.get(item.line.external_id) for item in left.lines}
        shipping = plain(wanted.shipping, left.currency) if wanted.shipping else None
        amount = None if wanted.amount is None else plain(wanted.amount, left.currency)
        reason = "" if wanted.reason == RefundReason.OTHER else wanted.reason
        return {**lines, "shipping": shipping, "amount": amount, "reason": reason}


class RefundAskForm(_LinesForm):
    """What a customer fills in. Pictures come out of it cleaned."""

    reason = forms.ChoiceField(
        label="What is wrong?",
        choices=[("", "Choose a reason"), *((reason.value, reason.label) for reason in CUSTOMER_REASONS)],
    )
    note = forms.CharField(
        label="Tell the seller more", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, data: Any = None, files: Any = None, *, left: Left) -> None:
        super().__init__(data, files, left=left)
        for name in list(self.lines)[:MOST_PICTURES]:
            attrs = {"accept": "image/jpeg,image/png,image/webp"}
            self.fields[f"picture-{name}"] = forms.FileField(
                required=False, label="Picture", widget=forms.FileInput(attrs=attrs)
            )

    def named(self, item: LeftLine) -> dict[str, str]:
        return {}  # each has its label on this page

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [
            row | {"picture": self[f"picture-{name}"] if f"picture-{name}" in self.fields else None}
            for name, row in zip(self.lines, super().rows, strict=True)
        ]

    def clean(self) -> dict[str, Any]:
        chosen = {name for name, _, _ in self.chosen()}
        for name in self.lines:
            if self.cleaned_data.get(f"picture-{name}"):
                self._clean_picture(name, is_chosen=name in chosen)
        return self.cleaned_data

    def _clean_picture(self, name: str, *, is_chosen: bool) -> None:
        if not is_chosen:
            if name not in self.errors:
                self.add_error(name, "Say how many of it you want refunded.")
            return
        file = self.cleaned_data[f"picture-{name}"]
        try:
            self.cleaned_data[f"picture-{name}"] = pictures.clean(file, size=file.size)
        except pictures.PictureRefused as refusal:
            self.add_error(f"picture-{name}", str(refusal))

    def asked(self) -> tuple[AskedLine, ...]:
        values = self.cleaned_data
        return tuple(
            AskedLine(item.line.external_id, units, values.get(f"picture-{name}") or b"")
            for name, item, units in self.chosen()
        )
