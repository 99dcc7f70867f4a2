"""What belongs to a request, without Flask's proxies: they look for it at each of some 350 accesses of a page."""

from typing import Any

from flask import g, has_request_context


def own_of_request() -> Any:
    """``g`` of the request that is answered; None outside of one."""
    return g._get_current_object() if has_request_context() else None  # type: ignore[attr-defined]
