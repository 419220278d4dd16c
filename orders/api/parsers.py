"""JSON in, with a refusal for what Python's parser gives up on, or lets through although nobody can write it down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class StrictJSONParser(JSONParser):
    """Nesting beyond reason is a parse error, not a fault of ours; so is half a character."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        raw: bytes = stream.read()
        try:
            body: dict[str, Any] = super().parse(BytesIO(raw), media_type, parser_context)
            if rb"\ud" in raw.lower():
                json.dumps(body, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
        except UnicodeEncodeError as error:
            raise ParseError("The JSON has half of a character: \\ud800 to \\udfff stand in pairs.") from error
        return body
