"""Tracking as the supplier sends it back: CSV, one row for each product in a parcel."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from connectors.filedrop.mapping import bare
from connectors.times import RANGE, is_usable_day

MAX_BYTES, MAX_ROWS = 1_000_000, 5000
REQUIRED = ("po_number", "sku", "quantity")
OPTIONAL = ("carrier", "tracking_number", "tracking_url", "shipped_on")

_LENGTHS = {"po_number": 60, "sku": 120, "carrier": 100, "tracking_number": 120, "tracking_url": 500}
_QUANTITY_MAX = 1_000_000


class TrackingFileError(Exception):
    """The file, or a row of it, cannot be read; the text says where and why."""


@dataclass(frozen=True, slots=True)
class TrackingRow:
    line: int  # in the file, the header is 1
    po_number: str
    sku: str
    quantity: int
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    shipped_on: date | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file as far as it can be read."""

    rows: tuple[TrackingRow, ...]
    faults: tuple[str, ...]  # one for each row that cannot


def read(body: bytes) -> list[TrackingRow]:
    """Every row of a file of at most MAX_BYTES and MAX_ROWS. Raises TrackingFileError at the first that cannot be read."""
    sheet = read_each(body)
    if sheet.faults:
        raise TrackingFileError(sheet.faults[0])
    return list(sheet.rows)


def read_each(body: bytes) -> Sheet:
    """The rows that can be read, whatever the others are. Raises TrackingFileError for a file of which none can."""
    if len(body) > MAX_BYTES:
        raise TrackingFileError(f"The file is larger than {MAX_BYTES // 1_000_000} MB.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TrackingFileError("The file is not text in UTF-8. Save it as “CSV UTF-8”.") from None
    rows: list[TrackingRow] = []
    faults: list[str] = []
    try:
        for line, given in _cells(csv.DictReader(io.StringIO(text, newline=""), strict=True)):
            try:
                rows.append(_row(line, given))
            except TrackingFileError as fault:
                faults.append(str(fault))
    except csv.Error as error:
        faults.append(f"The file is not CSV: {error}.")
    return Sheet(tuple(rows), tuple(faults))


def _cells(reader: csv.DictReader[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The line and the cells of each row that says something."""
    names = [str(name).strip().lower() for name in reader.fieldnames or ()]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise TrackingFileError(f"The first row must name the columns; missing: {', '.join(missing)}.")
    reader.fieldnames = names
    for count, row in enumerate(reader, start=1):
        if count > MAX_ROWS:
            raise TrackingFileError(f"The file has more than {MAX_ROWS} rows.")
        given = {name: bare((row.get(name) or "").strip()) for name in (*REQUIRED, *OPTIONAL)}
        if any(given.values()):
            yield reader.line_num, given


def _row(line: int, given: Mapping[str, str]) -> TrackingRow:
    if any("\0" in cell for cell in given.values()):
        raise TrackingFileError(f"Row {line}: it holds a character that no text has.")
    for name, longest in _LENGTHS.items():
        if len(given[name]) > longest:
            raise TrackingFileError(f"Row {line}: {name} has more than {longest} characters.")
    if not given["po_number"] or not given["sku"]:
        raise TrackingFileError(f"Row {line}: a PO number and a SKU are needed.")
    return TrackingRow(
        line=line,
        po_number=given["po_number"],
        sku=given["sku"],
        quantity=_quantity(line, given["quantity"]),
        carrier=given["carrier"],
        tracking_number=given["tracking_number"],
        tracking_url=given["tracking_url"],
        shipped_on=_date(line, given["shipped_on"]),
    )


def _quantity(line: int, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 8 and 0 < int(text) <= _QUANTITY_MAX:
        return int(text)
    raise TrackingFileError(f"Row {line}: the quantity must be a whole number from 1 on.")


def _date(line: int, text: str) -> date | None:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        raise TrackingFileError(f"Row {line}: a date looks like 2026-11-23.") from None
    if day is not None and not is_usable_day(day):
        raise TrackingFileError(f"Row {line}: a date is {RANGE}.")
    return day
