"""make run: bring the database up to date, say who may sign in, serve, and do the long work that people ask for."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

from config import ROOT, BadSettings, load

FLASK = [sys.executable, "-m", "flask", "--app", "app", "portal"]
SERVE = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py"]
WORK = [*FLASK, "work", "--attached"]
PAUSE = 3.0  # seconds at least between two starts of the worker
LOOK = 0.2  # seconds


def main() -> None:
    try:
        settings = load()
    except BadSettings as error:
        sys.exit(str(error))
    os.chdir(ROOT)
    try:
        prepared = subprocess.run([*FLASK, "prepare"])  # noqa: S603 (a process of its own: this one stays small)
    except KeyboardInterrupt:
        sys.exit(130)
    if prepared.returncode:
        sys.exit(prepared.returncode)
    print(f"\nSwitchboard: http://{settings['BIND']}:{os.environ.get('PORT', '8080')}   (Ctrl+C ends it)", flush=True)
    if not settings["JOBS_EMBEDDED"]:
        os.execv(SERVE[0], SERVE)  # noqa: S606 (no shell)
    sys.exit(together())


def together() -> int:
    """Run the server and the worker until a signal comes or the server ends; a worker that dies is started again."""
    signals: list[int] = []

    def note(number: int, frame: Any) -> None:
        signals.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    server = subprocess.Popen(SERVE)  # noqa: S603
    signal.signal(signal.SIGHUP, lambda number, frame: server.send_signal(number))  # its workers are replaced
    worker, started = subprocess.Popen(WORK), time.monotonic()  # noqa: S603
    while not signals and server.poll() is None:
        if worker.poll() is not None and time.monotonic() - started > PAUSE:
            print(f"The worker ended with {worker.returncode}: starting another one", file=sys.stderr, flush=True)
            worker, started = subprocess.Popen(WORK), time.monotonic()  # noqa: S603
        time.sleep(LOOK)
    for process in (server, worker):
        if process.poll() is None:
            process.terminate()
    worker.wait()
    return server.wait()


if __name__ == "__main__":
    main()
