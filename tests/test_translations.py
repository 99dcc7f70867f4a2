import pytest
from tests.chinese import english, without_letters
from tests.generic.world import VIEWS, CHARTS, one, view_of, name_of, address
from app.sample.builders import make_any

@pytest.fixture
def chinese(session, login):
    rows = {view.model: one(session, view.model) for view in VIEWS}
    without_letters(session)
    visitor = login("admin", "Admin")
    assert visitor.get("/lang/zh").status_code == 302
    return visitor, rows

def test_x(chinese, app):
    visitor, rows = chinese
    seen = {}
    def look(url, **kw):
        answer = visitor.get(url) if not kw else visitor.post(url, **kw)
        if answer.status_code == 302:
            print("302", url, answer.headers["Location"]); return
        for line in english(answer.get_data(as_text=True)):
            seen.setdefault(line, []).append((url, answer.status_code))
        if answer.status_code >= 500: print(answer.status_code, url)
    for v in VIEWS:
        row = rows[v.model]
        look(address(v, "list/"))
        look(address(v, "list/?created_at.is=2025-01-01"))
        look(address(v, "list/?created_at.is=nonsense"))
        look(address(v, "list/?page=9"))
        look(address(v, "list/?page=x"))
        look(address(v, "add"))
        look(address(v, "add"), data={"_submit": "x"+v.__name__})
        look(address(v, f"show/{row.id}"))
        look(address(v, f"show/{row.id}?tab=history"))
        look(address(v, f"edit/{row.id}"))
        look(address(v, f"delete/{row.id}"))
        view = view_of(app.appbuilder, v)
        for name, _v, _s in view.tab_views():
            look(address(v, f"show/{row.id}?tab={name}"))
        for name, action in view.all_actions.items():
            look(address(v, f"action/{name}/{row.id}"))
            look(address(v, f"action/{name}/{row.id}"), data={"_submit": name})
            look(address(v, f"bulk/{name}?id={row.id}"))
    for c in CHARTS: look(f"/charts/{c.model.__tablename__}/")
    look("/"); look("/nowhere"); look("/login/"); look("/users/userinfo/")
    for b in app.appbuilder.baseviews:
        if hasattr(b, "datamodel") and type(b) not in VIEWS:
            for rest in ("list/", "add", "show/1", "edit/1", "delete/1"):
                look(f"{b.route_base}/{rest}")
        elif hasattr(b, "form"):
            look(f"{b.route_base}/form"); look(f"{b.route_base}/form", data={"x":"1"})
    for line, urls in seen.items(): print(line, len(urls), urls[:2])
    assert 0
