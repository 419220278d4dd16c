"""WooCommerce's way to say no."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """An error answer: status, code, message and what else stands in `data`. `leaves`: what was written stays."""

    def __init__(self, status: int, code: str, message: str, *, leaves: bool = False, **data: Any) -> None:
        super().__init__(message)
        self.leaves = leaves
        self.status = status
        self.body: dict[str, Any] = {"code": code, "message": message, "data": {"status": status, **data}}


NO_ROUTE = ("rest_no_route", "No route was found matching the URL and request method.")


def no_route() -> Refusal:
    return Refusal(404, *NO_ROUTE)


def invalid(parameter: str, message: str, code: str = "rest_invalid_param") -> Refusal:
    """A parameter that is not what the schema says."""
    detail = {"code": code, "message": message, "data": None}
    return Refusal(
        400,
        "rest_invalid_param",
        f"Invalid parameter(s): {parameter}",
        params={parameter: message},
        details={parameter: detail},
    )


def wrong_type(path: str, kind: str) -> Refusal:
    """`path` is "line_items[0][subtotal]"; the parameter is its first part."""
    return invalid(path.partition("[")[0], f"{path} is not of type {kind}.", "rest_invalid_type")
