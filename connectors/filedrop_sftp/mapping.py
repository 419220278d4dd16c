"""An order as a file in a folder, and which files of another folder tell what was sent.

What is in the files is that of a supplier by e-mail: connectors/filedrop/mapping.py and tracking.py.
"""

from __future__ import annotations

from typing import Any

from connectors.base import OutboundOrder, PreviewCall
from connectors.filedrop import mapping as files
from connectors.filedrop.connector import preview_of

NAME_MAX = 255


def request(order: OutboundOrder, *, folder: str) -> dict[str, Any]:
    file = files.purchase_file(order)
    return {"path": path_of(folder, file.name), "csv": file.body.decode()}


def preview(order: OutboundOrder, *, folder: str) -> PreviewCall:
    """The one file, under its final name, with its very bytes."""
    file = files.purchase_file(order)
    return preview_of("SFTP", path_of(folder, file.name), file)


def path_of(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}"


def part_of(path: str, token: int) -> str:
    """The name of a file that is still being written: nobody takes it for an order, and no other upload has it."""
    return f"{path}.{token}.part"


def is_tracking(name: str) -> bool:
    return name.lower().endswith(".csv") and not name.startswith(".") and len(name) <= NAME_MAX and name.isprintable()
