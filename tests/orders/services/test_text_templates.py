"""Templates are checked when they are written, filled without format strings, and never reach anything but values."""

from __future__ import annotations

import pytest

from orders.services import text_templates
from orders.services.text_templates import TemplateRefused
from tests.factories import make_connection, make_order

KNOWN = ["order_number", "payment_terms", "PO number"]


def test_an_unknown_field_names_those_that_there_are():
    with pytest.raises(TemplateRefused, match=r"no_such.*\{order_number\}, \{payment_terms\}"):
        text_templates.check("{order_number} {no_such}", KNOWN)


@pytest.mark.parametrize(
    "template",
    ["{", "}", "{order_number", "{}", "{0}", "{order_number.__class__}", "{order_number[0]}", "{order_number!r}",
     "{order_number:>99999999}", "{order_number:{payment_terms}}"],
)  # fmt: skip
def test_a_field_is_a_name_and_nothing_else(template: str):
    with pytest.raises(TemplateRefused):
        text_templates.check(template, KNOWN)


@pytest.mark.parametrize("template", ["", "plain", "{order_number}", "{PO number}!", "{{braces}}"])
def test_names_alone_are_taken(template: str):
    text_templates.check(template, KNOWN)


def test_values_are_put_in_as_they_are():
    values = {"order_number": "A {payment_terms} %s", "PO number": "7"}

    assert text_templates.fill("{{{order_number}}} {PO number}", values) == "{A {payment_terms} %s} 7"


def test_a_line_of_which_every_field_is_empty_is_left_out():
    values = {"order_number": "A-1", "payment_terms": ""}

    filled = text_templates.fill("Order {order_number}\nTerms: {payment_terms}\nThank you", values)

    assert filled == "Order A-1\nThank you"


def test_a_tag_is_one_line_whatever_a_customer_typed():
    assert text_templates.fill_line("{order_number}", {"order_number": " a\n\tb  c "}) == "a b c"


def test_a_text_that_is_too_long_for_the_store_says_so():
    with pytest.raises(TemplateRefused, match="has 6 characters; the store takes 5"):
        text_templates.trial("{order_number}", {"order_number": "123456"}, KNOWN, most=5, one_line=True)


@pytest.mark.django_db
def test_every_detail_of_a_recent_order_is_a_field():
    store = make_connection()
    make_order(store.merchant, attributes={"Season": "AW27"})
    make_order(attributes={"Secret": "of another merchant"})

    known = text_templates.known_fields(store)

    assert ("Season" in known, "Secret" in known, "order_number" in known, "line_sheet" in known) == (
        True,
        False,
        True,
        True,
    )


@pytest.mark.django_db
def test_a_field_that_is_in_use_stays_known_when_no_recent_order_has_it():
    store = make_connection(settings={"note_template": "{Season}"})

    assert "Season" in text_templates.known_fields(store)


@pytest.mark.django_db
def test_a_detail_does_not_replace_what_the_order_itself_says():
    order = make_order(attributes={"order_number": "forged", "shipping_method": "Truck", "Season": "AW27"})

    values = text_templates.values_of(order)

    assert (values["order_number"], values["shipping_method"], values["Season"]) == (order.number, "Truck", "AW27")
