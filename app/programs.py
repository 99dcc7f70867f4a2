"""What programs send and get: which addresses are theirs, JSON read exactly, a refusal in a sentence."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NoReturn

from flask import Request, has_request_context, request
from flask_babel import gettext
from werkzeug.exceptions import HTTPException

DOCS = "/api/docs/"  # the only page for people below /api/
MOST_BYTES = 1_000_000  # of a JSON body


class PortalRequest(Request):
    """People send forms. A body of JSON is a program's: Flask-WTF would fill a form with it, whatever its types."""

    @property
    def is_json(self) -> bool:
        return super().is_json and _is_of_programs(self.path)


def for_programs() -> bool:
    """Whether the request is a program's: it brings a token, has no session, and is answered in JSON."""
    return has_request_context() and _is_of_programs(request.path)


def _is_of_programs(path: str) -> bool:
    return path.startswith("/api/") and f"{path.rstrip('/')}/" != DOCS


class Refused(HTTPException):
    """An answer of 400 and above to a program. sentence: whole and translated; fields: those about one, by name."""

    def __init__(
        self,
        code: int,
        sentence: Any,
        fields: Mapping[str, Any] | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(str(sentence))
        self.code = code
        self.fields = {name: str(each) for name, each in (fields or {}).items()}
        self.more_headers = list(headers)

    def get_headers(self, *arguments: Any, **named: Any) -> list[tuple[str, str]]:
        return [*super().get_headers(*arguments, **named), *self.more_headers]


def read_json() -> dict[str, Any]:
    """The body: one JSON object, each number exact (int or Decimal); {} where nothing was sent.

    Raises Refused: 415 where it is not called JSON, 413 where it is too large, 400 where it is no JSON object.
    """
    request.max_content_length = MOST_BYTES
    sent = request.get_data()
    if not sent:
        return {}
    if not request.is_json:
        raise Refused(415, gettext("The body must be JSON, with Content-Type: application/json."))
    try:
        body = json.loads(sent, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_each_name_once)
    except (ValueError, ArithmeticError, RecursionError):
        raise Refused(400, gettext("The body is not JSON that can be read.")) from None
    if not isinstance(body, dict):
        raise Refused(400, gettext("The body must be one JSON object."))
    return body


def is_storable(text: str) -> bool:
    """Neither a NUL nor half of a surrogate pair, which no database takes."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)  # NaN, Infinity


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice")
    return found
