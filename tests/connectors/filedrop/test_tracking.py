"""Tracking files: what is read, and what is refused whole."""

from __future__ import annotations

from datetime import date

import pytest

from connectors.filedrop import tracking
from connectors.filedrop.tracking import TrackingFileError, TrackingRow


def read(body: bytes) -> list[TrackingRow]:
    """All rows; the first fault is raised."""
    sheet = tracking.read_each(body)
    if sheet.faults:
        raise sheet.faults[0]
    return list(sheet.rows)


def test_columns_come_in_any_order_and_case_and_spare_ones_are_passed_over():
    body = "\ufeffSKU,Quantity,PO_number,remark,Tracking_Number,shipped_on\r\nA,2,SW-1,ok,1Z1,2026-11-23\r\n,,,,,\r\n"

    assert read(body.encode()) == [TrackingRow(2, "SW-1", "A", 2, tracking_number="1Z1", shipped_on=date(2026, 11, 23))]


def test_rows_that_can_be_read_are_whatever_the_others_are():
    sheet = tracking.read_each(b'po_number,sku,quantity\nSW-1,A,1\nSW-1,B,none\nSW-1,\0,1\nSW-1,C,2\n"SW-1')

    assert [row.sku for row in sheet.rows] == ["A", "C"]
    assert [str(fault)[:11] for fault in sheet.faults] == ["Row 3: the ", "Row 4: it h", "The file is"]


def test_the_apostrophe_against_formulas_is_taken_off():
    assert read(b"po_number,sku,quantity\nSW-1,'-A,1\n")[0].sku == "-A"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "missing: po_number, sku, quantity"),
        (b"po_number,sku\nSW-1,A\n", "missing: quantity"),
        (b"po_number,sku,quantity\nSW-1,A,0\n", "Row 2: the quantity"),
        (b"po_number,sku,quantity\nSW-1,A,two\n", "Row 2: the quantity"),
        (b"po_number,sku,quantity\nSW-1,A,\xd9\xa3\n", "Row 2: the quantity"),
        (b"po_number,sku,quantity\nSW-1,,1\n", "Row 2: a PO number and a SKU"),
        (b"po_number,sku,quantity,shipped_on\nSW-1,A,1,23/11/2026\n", "Row 2: a date"),
        (b"po_number,sku,quantity,shipped_on\nSW-1,A,1,0001-01-01\n", "Row 2: a date is from 2000 to 2099."),
        (b"po_number,sku,quantity,shipped_on\nSW-1,A,1,9999-12-31\n", "Row 2: a date is from 2000 to 2099."),
        (b"po_number,sku,quantity\nSW-1,A,1\n" + b"SW-1," + b"A" * 121 + b",1\n", "Row 3: the sku has more than 120"),
        (b"\xff\xfe", "not text in UTF-8"),
        (b'po_number,sku,quantity\n"SW-1,A,1\n', "not CSV"),
        (b"po_number,sku,quantity\n" + b"SW-1,A,1\n" * 5001, "more than 5000 rows"),
        (b" " * 1_000_001, "larger than 1 MB"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(body, said):
    with pytest.raises(TrackingFileError, match=said):
        read(body)
