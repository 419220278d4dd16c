"""Input of the pages about partners: shapes only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from connectors.models import Connection, PartnerEmail, PartnerSettings, PartnerShippingRule, Side
from connectors.money import exponent, plain
from connectors.services import partner_products
from connectors.services.partner_settings import Threshold

EMPTY_RULES = 3  # offered below those there are


class StoreField(forms.ChoiceField):
    """One of the merchant's own stores, by public id; `connections` gives the primary keys."""

    def __init__(self, stores: Iterable[Connection], **kwargs: Any) -> None:
        self.connections = {store.public_id: store.pk for store in stores}
        names = [(store.public_id, store.name) for store in stores]
        super().__init__(choices=[("", "Choose a store"), *names], **kwargs)


class StoreForm(forms.Form):
    """Which store a source approves."""

    def __init__(self, *args: Any, stores: list[Connection], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["store"] = StoreField(
            stores, label="Store", help_text="Orders are created in this store with its access, which nobody sees."
        )

    @property
    def connection_id(self) -> int:
        store = self.fields["store"]
        assert isinstance(store, StoreField)  # noqa: S101  # see __init__
        return store.connections[self.cleaned_data["store"]]


class InviteForm(forms.Form):
    """Who is asked, and as what."""

    side = forms.ChoiceField(
        label="You",
        choices=[
            (Side.DESTINATION, "want to sell their products; they send them"),
            (Side.SOURCE, "let them sell your products; you send them"),
        ],
    )
    whom = forms.CharField(
        label="Whom do you ask?",
        max_length=254,
        help_text="An e-mail address, or the short name of a merchant on Storeward.",
    )

    def __init__(self, *args: Any, stores: list[Connection], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["store"] = StoreField(
            stores, label="Your store", required=False, help_text="Only when they are to sell your products."
        )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        whom = given.get("whom", "")
        if "@" in whom:
            try:
                forms.EmailField().clean(whom)
            except forms.ValidationError as error:
                self.add_error("whom", error)
        if given.get("side") == Side.SOURCE and not given.get("store") and "store" not in self.errors:
            self.add_error("store", "Choose the store that their orders go to.")
        return given

    @property
    def connection_id(self) -> int | None:
        store = self.fields["store"]
        assert isinstance(store, StoreField)  # noqa: S101  # see __init__
        return store.connections.get(self.cleaned_data["store"])


class PartnerSettingsForm(forms.Form):
    email_policy = forms.ChoiceField(
        label="E-mail address that the partner's store gets",
        choices=PartnerEmail.choices,
        help_text="This address is told when the partner sends. Our own: the first alert address, else the owner's.",
    )
    other_email = forms.EmailField(label="Another address", required=False, help_text="Only for “Another address”.")

    @classmethod
    def of(cls, chosen: PartnerSettings) -> PartnerSettingsForm:
        return cls(initial={"email_policy": chosen.email_policy, "other_email": chosen.other_email})


class RuleForm(forms.Form):
    """One row of the shipping rules; an empty one is none."""

    at_least = forms.DecimalField(label="Items total from", min_value=0, max_digits=12, required=False)
    costs = forms.DecimalField(label="Shipping costs", min_value=0, max_digits=12, required=False)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        typed = [name for name in ("at_least", "costs") if given.get(name) is not None]
        if len(typed) == 1 and not self.errors:
            self.add_error("costs" if typed == ["at_least"] else "at_least", "Fill in both, or neither.")
        return given

    @property
    def threshold(self) -> Threshold | None:
        given = self.cleaned_data
        return None if given.get("at_least") is None else Threshold(given["at_least"], given["costs"])


RuleFormSet = forms.formset_factory(RuleForm, extra=EMPTY_RULES, max_num=50)


def rule_forms(rules: Iterable[PartnerShippingRule], currency: str) -> Any:
    """The rules that there are, and some empty rows."""
    initial = [{"at_least": plain(rule.at_least, currency), "costs": plain(rule.costs, currency)} for rule in rules]
    return RuleFormSet(initial=initial, prefix="rules")


class ShareForm(forms.Form):
    skus = forms.CharField(
        label="SKUs",
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=f"As your store has them, one a line; {partner_products.SHARED_AT_ONCE} at a time.",
    )

    def clean_skus(self) -> list[str]:
        skus = partner_products.sku_list(self.cleaned_data["skus"])
        if len(skus) > partner_products.SHARED_AT_ONCE:
            raise forms.ValidationError(f"At most {partner_products.SHARED_AT_ONCE} at a time.")
        return skus


class PushForm(forms.Form):
    """What sending costs; empty: what the rules say."""

    shipping = forms.DecimalField(label="Shipping", min_value=0, max_digits=12, required=False)

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        places = exponent(currency)
        self.fields["shipping"] = forms.DecimalField(
            label=f"Shipping, {currency}", min_value=0, max_digits=12, decimal_places=places, required=False
        )
