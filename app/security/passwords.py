"""How passwords are kept: by FAB_PASSWORD_HASH_METHOD; what was hashed otherwise is hashed anew at the next sign-in."""

from threading import Lock
from typing import Any

from flask import current_app
from sqlalchemy import update
from werkzeug.security import generate_password_hash

from app.extensions import db
from app.transaction import commit

one_at_a_time = Lock()  # in a process: each takes 8 MiB and a processor while it is reckoned
NOT_A_CHANGE = {"unrecorded": "the password is the same, and its sessions go on"}


def hashed(password: str) -> str:
    return generate_password_hash(password, current_app.config["FAB_PASSWORD_HASH_METHOD"])


def renew(user: Any, password: str) -> None:
    """Hash the password of a user, which was right just now, as new ones are, where it was hashed otherwise."""
    if user.password.startswith(current_app.config["FAB_PASSWORD_HASH_METHOD"] + "$"):
        return
    model = type(user)
    same = model.id == user.id, model.password == user.password  # nobody has changed it meanwhile
    new = update(model).where(*same).values(password=hashed(password))
    commit(lambda: db.session.execute(new, execution_options=NOT_A_CHANGE))
