"""Programs that call the REST interface, and what generic tests over every declared resource need."""

from collections.abc import Callable
from itertools import count
from typing import Any

import prison
import pytest

from app.acts.removal import remove_with_parts
from app.api import values
from app.api.base import RecordApi
from app.sample.builders import make_employee, make_user
from app.security.scope import SEE_ALL
from app.security.tokens import access_token_of
from tests.conftest import hold
from tests.generic.world import one

RESOURCES = sorted(RecordApi.__subclasses__(), key=lambda api: api.__name__)
WRITABLE = [api for api in RESOURCES if api.writes]
_count = count(1)

each_resource = pytest.mark.parametrize("api", RESOURCES, ids=lambda api: api.resource_name)
each_writable = pytest.mark.parametrize("api", WRITABLE, ids=lambda api: api.resource_name)


def address(api: Any, rest: Any = "") -> str:
    return f"/api/v1/{api.resource_name}/{rest}"


def resource(app: Any, api: Any) -> Any:
    """The resource as FAB holds it."""
    return next(view for view in app.appbuilder.baseviews if type(view) is api)


class Program:
    """Another system with an access token."""

    def __init__(self, client: Any, token: str, username: str) -> None:
        self.client, self.token, self.username = client, token, username

    def send(self, method: str, path: str, body: Any = None, match: Any = None, **headers: str) -> Any:
        """match: the version of If-Match. headers: X_Reason="..." for X-Reason."""
        sent = {"Authorization": f"Bearer {self.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        if match is not None:
            sent["If-Match"] = f'"{match}"'
        named = {} if body is None else {"data": body} if isinstance(body, (str, bytes)) else {"json": body}
        return self.client.open(path, method=method, headers=sent, content_type="application/json", **named)

    def get(self, path: str, query: Any = None) -> Any:
        arguments = {"q": prison.dumps(query)} if query is not None else None
        return self.client.get(path, headers={"Authorization": f"Bearer {self.token}"}, query_string=arguments)


@pytest.fixture
def program(app: Any, session: Any) -> Callable[..., Program]:
    """program(): one that may do everything, everywhere; program(rights, regions): with just these rights, there."""
    sm = app.appbuilder.sm
    pairs = {(pair.permission.name, pair.view_menu.name): pair.id for pair in session.query(sm.permissionview_model)}

    def made(rights: Any = None, regions: Any = None) -> Program:
        wanted = set(pairs) if rights is None else set(rights)
        wanted = wanted - {SEE_ALL} if regions is not None else wanted | {SEE_ALL}
        role = sm.add_role(f"Program {next(_count)}")
        user = make_user(session, f"program{next(_count)}", [role])
        if regions is not None:
            make_employee(session, user_id=user.id, region=regions[0], further_regions=list(regions[1:]))
        session.flush()
        hold(session, role, [pairs[right] for right in wanted])
        session.commit()
        with app.test_request_context():
            token = access_token_of(user)
        return Program(app.test_client(), token, user.username)

    return made


def new_body(session: Any, app: Any, api: Any) -> dict[str, Any]:
    """What a POST can be made of: the values of a row that was there, and is gone."""
    row = one(session, api.model)
    body = {name: values.written(shown, row) for name, shown in resource(app, api).new.items()}
    remove_with_parts(session, row)
    session.commit()
    return {name: value for name, value in body.items() if value not in (None, [])}
