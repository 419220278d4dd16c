"""One GraphQL call to a shop, and what each kind of refusal means. Three places can hold an error:
the HTTP status, top-level `errors` on a 200, and `userErrors` inside a mutation's payload (the caller's to judge).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from connectors.base import Account, Budget
from connectors.errors import (
    ConnectionGoneError,
    ConnectorError,
    CredentialsError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from connectors.http import Answer, HttpClient, Outgoing, rehearse

FieldPath = tuple[str | int, ...]  # from the root field down
API_VERSION = "2026-10"  # stable until October 2027

logger = logging.getLogger(__name__)

_OPERATIONS = Path(__file__).parent / "operations"
_IMPORT = "#import "
_OK = 200
_NO_SHOP = "Shopify has no shop at this address any more. Disconnect it, or resume the connection once it is back."
GONE = {  # by status
    402: "Shopify has frozen this shop until its bill is paid. Pay it in Shopify, then resume the connection.",
    404: _NO_SHOP,
    410: _NO_SHOP,
    423: "Shopify has locked this shop. Ask Shopify's support why, and resume the connection once it is open again.",
}
_CREDENTIALS = frozenset({401, 403})

# Top-level codes after which a mutation has certainly not run: refused before execution.
_NEVER_RAN = frozenset(
    {
        "MAX_COST_EXCEEDED",
        "INVALID_VARIABLE",
        "RESOURCE_NOT_FOUND",
        "NOT_FOUND",
        "GRAPHQL_PARSE_FAILED",
        "GRAPHQL_VALIDATION_FAILED",
        "undefinedField",
        "undefinedType",
        "argumentNotAccepted",
        "argumentLiteralsIncompatible",
        "missingRequiredArguments",
        "missingRequiredInputObjectAttribute",
        "selectionMismatch",
        "variableMismatch",
        "variableNotDefined",
        "parseError",
    }
)


class TopLevelNotFoundError(RejectedError):
    """Shopify answered NOT_FOUND or RESOURCE_NOT_FOUND for the query as a whole."""


class ShopifyClient:
    """Sends the documents of operations/ to one shop. `budget` is what the last answer told about its limit."""

    def __init__(self, account: Account, http: HttpClient) -> None:
        self._url = f"{account.base_url.rstrip('/')}/admin/api/{API_VERSION}/graphql.json"
        self._account = account
        self._http = http
        self.budget: Budget | None = None
        self.warning = ""  # of the last answer: about the version
        self.denied: tuple[
            FieldPath, ...
        ] = ()  # of the last answer: fields that came back as null since they may not be read
        self._formed: tuple[str, Mapping[str, Any], dict[str, Any]] | None = None  # what was rehearsed last

    def execute(
        self,
        operation: str,
        variables: Mapping[str, Any] | None = None,
        *,
        changes: bool,
        may_lack: frozenset[str] = frozenset(),
    ) -> dict[str, Any]:
        """The `data` of the answer. `operation` is a file name in operations/; null variables are left out.

        A mutation's payload is returned even when reading back a part of it failed: it has run. A query's is when
        nothing but fields in or below `may_lack` is denied; `denied` says which.
        """
        self.denied = ()
        answer = self._http.request(
            "POST",
            self._url,
            headers=self._headers(),
            json=self._json(operation, variables or {}),
            operation=operation,
            changes=changes,
        )
        _refuse_status(answer)
        self._note_version(answer)
        return self._data(_body(answer, changes=changes), changes=changes, may_lack=may_lack)

    def rehearse(self, operation: str, variables: Mapping[str, Any]) -> Outgoing:
        """What `execute` would send for the same arguments; for the very same variables it is not formed again."""
        self._formed = (operation, variables, _content(operation, variables))
        return rehearse("POST", self._url, headers=self._headers(), json=self._formed[2])

    def _headers(self) -> dict[str, str]:
        return {"X-Shopify-Access-Token": self._account.credentials.get("access_token", "")}

    def _json(self, operation: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        match self._formed:
            case (formed, of, content) if formed == operation and of is variables:
                return content
        return _content(operation, variables)

    def _data(self, body: Mapping[str, Any], *, changes: bool, may_lack: frozenset[str]) -> dict[str, Any]:
        cost = _cost(body)
        self.budget = _budget(cost) or self.budget
        data = body.get("data")
        errors = body.get("errors")
        if not errors:
            if isinstance(data, dict):
                return data
            raise _unclear("Shopify answered without data.", changes=changes)
        if not changes and isinstance(data, dict) and _lacks_only(errors, may_lack):
            self.denied = tuple(tuple(error["path"]) for error in errors)
            return data
        if changes and isinstance(data, dict) and any(value is not None for value in data.values()):
            logger.warning("shopify mutation ran, its answer is partial", extra={"codes": sorted(_codes(errors))})
            return data
        raise _classified(errors, cost, changes=changes)

    def _note_version(self, answer: Answer) -> None:
        """Shopify falls forward silently when a version has been retired."""
        served = answer.headers.get("X-Shopify-API-Version", API_VERSION)
        deprecated = answer.headers.get("X-Shopify-API-Deprecated-Reason")
        self.warning = _version_warning(served, deprecated)
        if self.warning:
            logger.warning(
                "shopify api version", extra={"asked": API_VERSION, "served": served, "deprecated": bool(deprecated)}
            )


def _version_warning(served: str, deprecated: str | None) -> str:
    if served != API_VERSION:
        return f"Shopify no longer serves version {API_VERSION} and answered with {served[:20]}: Storeward needs an update."
    return (
        f"Shopify will end what Storeward uses of version {API_VERSION}: Storeward needs an update."
        if deprecated
        else ""
    )


@cache
def document_of(operation: str) -> str:
    """The text of operations/<operation>.graphql without its comments, and of the fragments that it imports."""
    lines = (_OPERATIONS / f"{operation}.graphql").read_text(encoding="utf-8").splitlines()
    imported = [line.removeprefix(_IMPORT).removesuffix(".graphql") for line in lines if line.startswith(_IMPORT)]
    own = "\n".join(line for line in lines if not line.startswith("#"))
    return "\n\n".join([own, *map(document_of, imported)])


def operations() -> list[str]:
    return sorted(path.stem for path in _OPERATIONS.glob("*.graphql"))


def without_nulls(value: Any) -> Any:
    """The value without keys that are None: whether Shopify reads null as absent differs from field to field."""
    if isinstance(value, (str, int)):  # most are; asked first, since the next question is a slow one
        return value
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [without_nulls(item) for item in value]
    return value


def _content(operation: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    document = document_of(operation)
    return {"query": document, "operationName": _name(document), "variables": without_nulls(variables)}


@cache
def _name(document: str) -> str:
    match = re.search(r"^(?:query|mutation) (\w+)", document, re.MULTILINE)
    if match is None:
        raise ValueError("The document has no named operation.")
    return match[1]


def _refuse_status(answer: Answer) -> None:
    """Nothing was carried out after any of these."""
    if answer.status in _CREDENTIALS:
        raise CredentialsError("Shopify does not accept the access token: a new one is needed.")
    if answer.status in GONE:
        raise ConnectionGoneError(GONE[answer.status])
    if answer.status >= 400:
        raise RejectedError(f"Shopify refused the request with status {answer.status}.")


def _body(answer: Answer, *, changes: bool) -> dict[str, Any]:
    body = answer.json()
    if answer.status != _OK or not isinstance(body, dict):
        raise _unclear("Shopify's answer has an unexpected form.", changes=changes)
    return body


def _classified(errors: Any, cost: Mapping[str, Any], *, changes: bool) -> ConnectorError:
    """The error for a call that has nothing to show but top-level errors."""
    codes = _codes(errors)
    if "THROTTLED" in codes:
        message = "Shopify asked us to slow down."
        return RetryableError(message, code="rate_limited", after_s=_wait_s(cost), throttled=True)
    if "ACCESS_DENIED" in codes and not (changes and _inside_payload(errors)):
        return CredentialsError("The app lacks a permission in this shop. Reconnect it.", code="scope_missing")
    if codes and codes <= {"NOT_FOUND", "RESOURCE_NOT_FOUND"}:
        return TopLevelNotFoundError(f"Shopify found nothing there: {_first_message(errors)}")
    if codes and codes <= _NEVER_RAN:
        return RejectedError(f"Shopify did not understand the request ({', '.join(sorted(codes))}).")
    return _unclear("Shopify had an internal error.", changes=changes)


def _codes(errors: Any) -> set[str]:
    """The code of every error; one without any counts as unknown."""
    if not isinstance(errors, list):
        return {"UNKNOWN"}
    return {str(_extensions(error).get("code") or "UNKNOWN") for error in errors}


def _extensions(error: Any) -> Mapping[str, Any]:
    extensions = error.get("extensions") if isinstance(error, dict) else None
    return extensions if isinstance(extensions, dict) else {}


def _lacks_only(errors: Any, may_lack: frozenset[str]) -> bool:
    """Whether all that is wrong is that these fields, of things that came back, may not be read."""
    return _codes(errors) == {"ACCESS_DENIED"} and all(
        isinstance(error.get("path"), list) and may_lack & {str(part) for part in error["path"][1:]} for error in errors
    )


def _inside_payload(errors: list[Any]) -> bool:
    """Whether an error lies below the mutation's own field: then the mutation has run."""
    return any(len(error.get("path") or ()) > 1 for error in errors if isinstance(error, dict))


def _first_message(errors: list[Any]) -> str:
    return str(errors[0].get("message", ""))[:200] if isinstance(errors[0], dict) else ""


def _cost(body: Mapping[str, Any]) -> Mapping[str, Any]:
    extensions = body.get("extensions")
    cost = extensions.get("cost") if isinstance(extensions, dict) else None
    return cost if isinstance(cost, dict) else {}


def _budget(cost: Mapping[str, Any]) -> Budget | None:
    status = cost.get("throttleStatus") or {}
    try:
        return Budget(
            available=float(status["currentlyAvailable"]),
            maximum=float(status["maximumAvailable"]),
            restore_per_s=float(status["restoreRate"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _wait_s(cost: Mapping[str, Any]) -> float:
    """Seconds until the bucket holds what this request asks for; at least one."""
    budget = _budget(cost)
    requested = cost.get("requestedQueryCost")
    if (
        budget is None
        or budget.available is None
        or budget.restore_per_s <= 0
        or not isinstance(requested, (int, float))
    ):
        return 1.0
    return max(1.0, (requested - budget.available) / budget.restore_per_s)


def _unclear(message: str, *, changes: bool) -> RetryableError:
    return OutcomeUnknownError(message) if changes else RetryableError(message)
