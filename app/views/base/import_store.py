"""Uploaded files between the dry run and the import: a folder for each, below its person's, gone when it is done with.

A folder holds the file as it came, what is known of it (``told.json``) and the plan of its dry run (``plan.json``).
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flask import current_app, g
from flask_babel import gettext
from werkzeug.datastructures import FileStorage

from app.acts.plan import Plan
from app.models.refusal import RuleBroken

TOKEN = re.compile(r"[0-9a-f]{32}")
KEPT_SECONDS = 2 * 24 * 3600  # of a file that nobody has imported


@dataclass
class Upload:
    """One file. table: of the list it was given to; digest: of its content; job: the one that checks or imports it."""

    folder: Path
    table: str
    name: str
    digest: str
    reason: str = ""
    asked: str = ""  # the arguments of the list from which it was sent
    job: int | None = None
    is_started: bool = False  # its import was asked for

    @property
    def token(self) -> str:
        return self.folder.name

    @property
    def file(self) -> Path:
        return self.folder / "file"

    def check(self) -> None:
        """Refuse a file that is not what was looked at."""
        if not self.file.exists() or _digest(self.file) != self.digest:
            raise RuleBroken(gettext("The file is not there any more: send it again."))

    def save(self) -> None:
        told = {name: value for name, value in asdict(self).items() if name != "folder"}
        _write(self.folder / "told.json", told)

    def keep(self, plan: Plan) -> None:
        """Keep the plan, for its pages and to be compared with when it is carried out."""
        steps = [[s.row, s.key, s.name, s.shown, s.mark, s.table] for s in plan.steps]
        problems = [asdict(problem) for problem in plan.problems]
        counts = {
            "rows": plan.rows, "same": plan.same, "adds": plan.adds, "changes": plan.changes,
            "wrong": plan.problems_count,
        }  # fmt: skip
        _write(self.folder / "plan.json", {**counts, "warnings": plan.warnings, "steps": steps, "problems": problems})

    def refuse(self, sentence: str) -> None:
        """Keep why the file as a whole cannot be read."""
        _write(self.folder / "plan.json", {"refused": sentence})

    def plan(self) -> dict[str, Any] | None:
        """What the dry run has found; None where it is not done."""
        try:
            return json.loads((self.folder / "plan.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def receive(table: str, sent: FileStorage, reason: str, asked: str) -> Upload:
    """Keep a file that was sent; what this person has left behind for days goes."""
    own = _own_folder()
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in own.iterdir():
        if time.time() - old.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    folder = own / secrets.token_hex(16)
    folder.mkdir(mode=0o700)
    sent.save(folder / "file")
    name = re.sub(r"[^\w .()\-]", "_", (sent.filename or "")[-100:])
    upload = Upload(folder, table, name, _digest(folder / "file"), reason, asked)
    upload.save()
    return upload


def find(table: str, token: str) -> Upload | None:
    """The upload of this person for this list; None where there is none, or not any more."""
    if not TOKEN.fullmatch(token):
        return None
    folder = _own_folder() / token
    try:
        told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Upload(folder, **told) if told["table"] == table else None


def _own_folder() -> Path:
    return Path(current_app.config["JOBS_FILES"]) / "imports" / str(int(g.user.id))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, content: Any) -> None:
    """At once: another process may read it."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    os.replace(new, path)
