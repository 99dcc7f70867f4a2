"""The queue: huey, in a file of this machine or in a Redis that several share. It carries keys of jobs, nothing else.

Beside the keys it has a small store, for what changes all the time and may be lost: how far a job is, that its worker
lives, that somebody asked to cancel it.
"""

import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.sparing import without

# isort: split
with without(*([] if os.environ.get("SWITCHBOARD_JOBS_URL") else ["redis"])):  # 5 MiB
    from huey import Huey, MemoryHuey, RedisHuey, SqliteHuey
    from huey.constants import EmptyData
    from huey.serializer import SignedSerializer

PROGRESS, BEAT, CANCEL = "progress", "beat", "cancel"
PARTS = (PROGRESS, BEAT, CANCEL)


class Queue:
    """run(key): does a job, in the worker. running: keys of the jobs of this process. stopping: the worker ends."""

    def __init__(self, config: Mapping[str, Any], run: Callable[[int], None]) -> None:
        self.config = config
        self.run = run
        self.running: set[int] = set()
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._huey: Huey | None = None

    @property
    def huey(self) -> Huey:
        """Made when it is first asked for: most processes never are."""
        with self._lock:
            if self._huey is None:
                self._huey = self._open()
                self._task = self._huey.task(name="run_job")(self.run)
            return self._huey

    def _open(self) -> Huey:
        options: dict[str, Any] = {
            "name": "switchboard",
            "results": False,
            "serializer": SignedSerializer(secret=self.config["SECRET_KEY"]),  # nobody else's pickles
        }
        if self.config["JOBS_AT_ONCE"]:
            return MemoryHuey(immediate=True, **options)
        if url := self.config["JOBS_URL"]:
            database = urlsplit(self.config["SQLALCHEMY_DATABASE_URI"]).path.rpartition("/")[2]
            return RedisHuey(url=url, **options | {"name": f"switchboard{database}"})
        file = Path(self.config["JOBS_QUEUE"])
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return SqliteHuey(filename=str(file), fsync=False, **options)  # what is lost is sent again

    def send(self, key: int) -> None:
        """Hand a job to the workers."""
        _opened = self.huey
        self._task(key)

    def is_empty(self) -> bool:
        return not self.huey.storage.queue_size()

    # --- the store -----------------------------------------------------------------------------------------------

    def put(self, key: int, part: str, value: Any) -> None:
        self.huey.storage.put_data(f"{key}:{part}", json.dumps(value).encode())

    def get(self, key: int, part: str) -> Any:
        """None where there is nothing."""
        data = self.huey.storage.peek_data(f"{key}:{part}")
        return None if data is EmptyData else json.loads(bytes(data))

    def forget(self, key: int) -> None:
        for part in PARTS:
            self.huey.storage.pop_data(f"{key}:{part}")
