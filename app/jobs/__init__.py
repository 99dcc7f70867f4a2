"""Long work in the background: registered with @job, asked for with enqueue(), done by ``flask portal work``.

    @job("bulk_edit", title=_("Edit many records"))
    def bulk_edit(run: Run, table: str, values: dict, rows: list) -> dict:
        ...
        run.progress(done, total)  # raises Cancelled where its owner asked for that
        run.commit(write, {"text": "12 customers changed"})  # the work and "done" in one transaction

    job = enqueue(session, "bulk_edit", {"table": "customer", ...}, title)  # in the caller's transaction

params and result are JSON. The page of a job reads of its result: ``text``, a sentence; ``url`` and ``url_text``, where
to go on; ``refused``, [[record, why], ...], with an address as third where one can look at it. What a work raises ends
it: RuleBroken with its sentence, Failed with a result besides. A work that makes a file, and writes no rows, writes it
to ``run.file(name)`` and returns its result.
"""

from flask import Flask

from app.jobs.queue import Queue
from app.jobs.runner import run_job
from app.jobs.work import Cancelled, Failed, Run, cancel, enqueue, job, queue

__all__ = ["Cancelled", "Failed", "Run", "cancel", "enqueue", "init_app", "job", "queue"]


def init_app(app: Flask) -> None:
    app.extensions["jobs"] = Queue(app.config, lambda key: run_job(app, key))
