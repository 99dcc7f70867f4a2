"""What belongs to a request, without Flask's proxies: they look for it at each of some 350 accesses of a page."""

from typing import Any

from flask import g, has_request_context


def bare_g() -> Any:
    """``g`` itself, for who asks it several times."""
    return g._get_current_object()  # type: ignore[attr-defined]


def own_of_request() -> Any:
    """The same of the request that is answered; None outside of one."""
    return bare_g() if has_request_context() else None
