"""Input of a connection's order data settings: shapes only. What may be is said by orders.services.order_data_rules."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms

from connectors.models import (
    Connection,
    EmailPolicy,
    FinancialStatus,
    FulfillmentChoice,
    Location,
    ShippingRule,
    SyncSettings,
    TaxPreset,
)
from connectors.models.sync_settings import AGE_MAX, MINUTES_MAX, TEMPLATE_MAX, TRACKING_KEY_MAX
from connectors.registry import connector_class
from orders.errors import InvalidSettings
from orders.services import order_data_rules
from orders.services.order_data import NewRule, NewTax

_NTH = re.compile(r"(taxes|shipping_rules)\[(\d+)\](?:\.(\w+))?")
_ROWS = forms.Textarea(attrs={"rows": 3})


class OrderDataForm(forms.Form):
    """A field that the platform cannot offer is disabled, and its help says why."""

    sync_orders = forms.BooleanField(
        label="Sync orders",
        required=False,
        help_text="On: confirmed orders are created in the store. Off: confirmed orders are paid, and order data stays in Storeward.",
    )
    push_by_hand = forms.BooleanField(
        label="Push by hand",
        required=False,
        help_text=(
            "On: a paid order waits until somebody presses “Push now” on its page, in the list or over the API. Off: paid "
            "orders go out by themselves; those that wait already still wait for “Push now”."
        ),
    )
    push_every_minutes = forms.IntegerField(label="Minutes between two times", min_value=0, max_value=32767)
    max_age_days = forms.IntegerField(
        label="Age limit in days",
        required=False,
        min_value=0,
        max_value=32767,
        help_text=(
            f"An order that was placed longer ago is blocked before its payment is taken. 1 to {AGE_MAX}; empty: orders of "
            "any age go out. What is paid goes out whatever its age."
        ),
    )
    financial_status = forms.ChoiceField(
        label="Payment status there",
        choices=FinancialStatus.choices,
        help_text=(
            "Paid: the store shows the order as paid. Unpaid: the store waits for a payment, whose amount may differ by the "
            "shipping below. “Wholesale orders unpaid”: those with payment terms are unpaid, all others paid."
        ),
    )
    fulfillment_status = forms.ChoiceField(
        label="Fulfillment status there",
        choices=FulfillmentChoice.choices,
        help_text=(
            "Unfulfilled: the store's staff pack it. Fulfilled: it is fulfilled there as soon as it is created, the "
            "customer is told that it was sent, and it cannot be cancelled from here any more."
        ),
    )
    location = forms.ChoiceField(
        label="Location",
        required=False,
        help_text="The order is assigned to this location and fulfilled there. It counts with “Fulfilled” alone.",
    )
    bypass_stock_check = forms.BooleanField(
        label="Bypass the stock check",
        required=False,
        help_text="On: orders go out even when the store is short of stock. Off: they wait, unpaid, until all units are there.",
    )
    email_policy = forms.ChoiceField(
        label="E-mail address that the store gets",
        choices=EmailPolicy.choices,
        help_text=(
            "The store writes to this address when it fulfills the order, if it writes to customers at all. “My own” is the "
            "first address that is told of problems under Settings, else the owner's."
        ),
    )
    other_email = forms.EmailField(label="The other address", required=False, help_text="For “Another one” alone.")
    create_customer = forms.BooleanField(
        label="Create customers",
        required=False,
        help_text=(
            "On: a customer whose address the store does not know becomes a customer there. Off: the address stands on the "
            "order alone. It counts only with “The customer's” as the address that the store gets: without it nobody becomes a "
            "customer there."
        ),
    )
    tag_template = forms.CharField(label="Tag", required=False, max_length=200)
    note_template = forms.CharField(label="Note", required=False, max_length=TEMPLATE_MAX, widget=_ROWS)
    tracking_key = forms.CharField(
        label="Where a plugin keeps tracking",
        required=False,
        max_length=TRACKING_KEY_MAX,
        widget=forms.TextInput(attrs={"placeholder": "_tracking_code"}),
        help_text=(
            "The key of the order's custom field, as the plugin's support names it. Empty: the fields of the common plugins "
            "(Shipment Tracking, Advanced Shipment Tracking, AfterShip, YITH), which are always read too. It counts for "
            "orders that change there from now on."
        ),
    )
    alert_addresses = forms.CharField(
        label="Who is told of problems with this connection",
        required=False,
        max_length=4000,
        help_text="E-mail addresses, one per line. Empty: those of your order settings.",
        widget=_ROWS,
    )

    def __init__(self, *args: Any, connection: Connection, locations: Sequence[Location], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cls = connector_class(connection.platform)
        shortest = cls.capabilities.shortest_interval_min
        self.fields["push_every_minutes"].help_text = (
            "0: each order goes out as soon as its payment is taken. More: paid orders are collected and all go out together, "
            f"so many minutes apart, {shortest} to {MINUTES_MAX}. “Push now” does not wait for that."
        )
        self._places = {str(place.pk): place for place in locations}
        field = self.fields["location"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # as declared above
        field.choices = [("", "None"), *((key, place.name) for key, place in self._places.items())]
        _limit(self.fields["tag_template"], cls.capabilities.tag_max, cls.label)
        _limit(self.fields["note_template"], cls.capabilities.note_max, cls.label)
        for name, shown in self.fields.items():
            if reason := order_data_rules.why_not(name, connection):
                shown.disabled, shown.help_text = True, reason

    def clean_location(self) -> Location | None:
        return self._places.get(self.cleaned_data["location"])

    def clean_alert_addresses(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["alert_addresses"].splitlines() if line.strip()]

    @staticmethod
    def initial_of(row: SyncSettings) -> dict[str, Any]:
        shown = {name: getattr(row, name) for name in OrderDataForm.base_fields}
        return shown | {"location": str(row.location_id or ""), "alert_addresses": "\n".join(row.alert_addresses)}


class TaxForm(forms.Form):
    country_code = forms.CharField(label="Country", max_length=2, widget=forms.TextInput(attrs={"placeholder": "NZ"}))
    name = forms.CharField(label="Name", max_length=60, widget=forms.TextInput(attrs={"placeholder": "GST"}))
    percent = forms.DecimalField(label="Rate in percent", max_digits=7, decimal_places=4)
    on_shipping = forms.BooleanField(label="On shipping too", required=False, initial=True)

    def has_changed(self) -> bool:
        """A row of which nothing but the box was touched is still empty."""
        return bool(set(self.changed_data) - {"on_shipping"})

    def clean_country_code(self) -> str:
        return str(self.cleaned_data["country_code"]).strip().upper()

    def new(self) -> NewTax:
        given = self.cleaned_data
        return NewTax(given["country_code"], given["name"], given["percent"] / 100, given["on_shipping"])


class RuleForm(forms.Form):
    minimum = forms.DecimalField(label="Items come to at least", max_digits=16, decimal_places=4)
    cost = forms.DecimalField(label="Shipping costs", max_digits=16, decimal_places=4)

    def new(self) -> NewRule:
        return NewRule(self.cleaned_data["minimum"], self.cleaned_data["cost"])


class TryForm(forms.Form):
    """Templates as they are typed, and the order to try them on."""

    order = forms.CharField(max_length=32)
    tag_template = forms.CharField(required=False, max_length=200)
    note_template = forms.CharField(required=False, max_length=TEMPLATE_MAX)


class PushNowForm(forms.Form):
    shipping_fee = forms.DecimalField(
        required=False,
        max_digits=16,
        decimal_places=4,
        error_messages={"invalid": "The shipping fee is not a number.", "max_digits": "The shipping fee is too large."},
    )


_TaxForms = forms.formset_factory(TaxForm, extra=2, can_delete=True, max_num=order_data_rules.ROWS_MAX)
_RuleForms = forms.formset_factory(RuleForm, extra=2, can_delete=True, max_num=order_data_rules.ROWS_MAX)


class SettingsForms:
    """The form of the page with its two tables."""

    def __init__(
        self,
        posted: Any,
        *,
        connection: Connection,
        locations: Sequence[Location],
        taxes: Sequence[TaxPreset],
        rules: Sequence[ShippingRule],
    ) -> None:
        row = connection.sync_settings
        self.form = OrderDataForm(
            posted, initial=OrderDataForm.initial_of(row), connection=connection, locations=locations
        )
        shown = [{**_plain(tax), "percent": f"{tax.percent:f}"} for tax in taxes]
        self.taxes = _TaxForms(posted, initial=shown, prefix="taxes")
        self.rules = _RuleForms(
            posted,
            initial=[{"minimum": _figure(rule.minimum), "cost": _figure(rule.cost)} for rule in rules],
            prefix="rules",
        )
        self.no_taxes = order_data_rules.why_not("taxes", connection)
        self.no_rules = order_data_rules.why_not("shipping_rules", connection)

    def is_valid(self) -> bool:
        parts = (self.form, *(() if self.no_taxes else (self.taxes,)), *(() if self.no_rules else (self.rules,)))
        found = [part.is_valid() for part in parts]  # each says what is wrong
        return all(found)

    @property
    def chosen(self) -> dict[str, Any]:
        """What orders.services.order_data.save takes; disabled fields are left as they are."""
        fields = {name for name, field in self.form.fields.items() if not field.disabled}
        given = {name: self.form.cleaned_data[name] for name in fields}
        return {
            **given,
            "taxes": None if self.no_taxes else [form.new() for form in _kept(self.taxes)],
            "rules": None if self.no_rules else [form.new() for form in _kept(self.rules)],
        }

    def refuse(self, error: InvalidSettings) -> None:
        """Each of the service's problems beside its field."""
        for problem in error.problems:
            nth = _NTH.match(problem.field)
            if nth:
                rows = _kept(self.taxes if nth[1] == "taxes" else self.rules)
                name = {"rate": "percent"}.get(nth[3], nth[3])
                rows[int(nth[2])].add_error(name, problem.message)
            else:
                field = problem.field if problem.field in self.form.fields else None
                self.form.add_error(field, problem.message)

    @property
    def has_errors(self) -> bool:
        tables = [form for table in (self.taxes, self.rules) for form in table if form.is_bound]
        return bool(self.form.errors) or any(form.errors for form in tables)


def _kept(table: Any) -> list[Any]:
    """Rows that are filled in and not taken out."""
    gone = table.deleted_forms
    return [form for form in table.forms if form not in gone and (form.has_changed() or form in table.initial_forms)]


def _limit(field: forms.Field, most: int, label: str) -> None:
    if most:
        field.help_text = (
            f"{label} takes {most:,} characters; an order whose text is longer is blocked before its payment is taken. "
            "A line whose fields are all empty is left out."
        )


def _plain(tax: TaxPreset) -> Mapping[str, Any]:
    return {"country_code": tax.country_code, "name": tax.name, "on_shipping": tax.on_shipping}


def _figure(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
