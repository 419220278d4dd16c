"""When two ways of writing a SKU or a barcode mean the same, and when they must not."""

from __future__ import annotations

import pytest

from connectors.services import matching


@pytest.mark.parametrize(
    "written",
    [
        "STOOL-OAK-01",
        "stool oak 01",
        "Stool_Oak/01",
        " stooloak01 ",
        "STOOL\u2013OAK\u00a001",
        "\uff33TOOL-OA\uff2b-01",
    ],
)
def test_case_spaces_and_separators_do_not_count(written: str):
    assert matching.normalized(written) == "stooloak01"


@pytest.mark.parametrize(
    ("one", "other"),
    [("1-15", "11-5"), ("CABLE-1.5M", "CABLE-15M"), ("A+", "A"), ("12 34", "1234"), ("STOOL", "STOOL2"), ("A,1", "A1")],
)
def test_what_may_mean_something_else_stays_apart(one: str, other: str):
    assert matching.normalized(one) != matching.normalized(other)


@pytest.mark.parametrize("nothing", ["", "  ", "-_/", "x" * 256, "\ufdfa" * 120])
def test_what_is_no_key_is_empty(nothing: str):
    assert matching.normalized(nothing) == ""


@pytest.mark.parametrize("code", ["012345678905", "0012345678905", "00012345678905", " 0-12345-67890-5 "])
def test_gtins_of_every_length_are_one(code: str):
    assert matching.barcode_key(code) == "00012345678905"


def test_other_barcodes_are_compared_without_case():
    assert matching.barcode_key(" Abc-128 ") == matching.barcode_key("ABC-128") != matching.barcode_key("ABC128")


def test_an_empty_barcode_is_no_key():
    assert matching.barcode_key("  ") == ""


def test_words_are_the_longest_first():
    assert matching.words("A stool, of OAK (stool)") == ["stool", "oak", "of"]
