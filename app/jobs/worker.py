"""The process that does the jobs: huey's consumer with threads, and one more thread that keeps them honest."""

import datetime
import logging
import os
import signal
import threading
import time

from flask import Flask
from huey.consumer import Consumer

from app.jobs.queue import Queue
from app.jobs.requests import keep_campaigns, keep_requests, send_mail, sweep_duties, sweep_unused
from app.jobs.upkeep import Anchoring, Sweep, beat, clean_up, fold_figures, seal

PACE = 2.0  # seconds between two heartbeats, and between two sweeps
MISSED = 5  # heartbeats, after which a worker is taken for dead
DAY = 24 * 3600.0
SEAL = 10.0  # seconds between two looks for rows of the ledger that are not sealed yet
FOLD = 60.0  # seconds between two foldings of the figures of the charts, and two looks at requests and letters
PATIENCE = 10.0  # seconds that a running job has to look up when the worker ends

log = logging.getLogger("switchboard.jobs")


class Worker(Consumer):
    """Ends its jobs where they look up next; another worker begins them anew."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        threads = queue.config["JOBS_THREADS"]
        super().__init__(queue.huey, workers=threads, periodic=False, max_delay=0.5, shutdown_timeout=PATIENCE)

    def stop(self, graceful: bool = False) -> None:
        self.queue.stopping.set()
        super().stop(graceful=True)


def work(app: Flask, attached: bool = False, pace: float = PACE) -> None:
    """Do jobs until a signal ends it. attached: end with the process that has started it; pace: seconds, see PACE."""
    logging.getLogger("huey").setLevel(logging.WARNING)
    queue = app.extensions["jobs"]
    parent = os.getppid() if attached else 0
    for keep in (_heartbeat, _upkeep, _seal):
        threading.Thread(target=keep, args=(app, queue, pace, parent), name=keep.__name__, daemon=True).start()
    log.info("the worker is ready", extra={"threads": queue.config["JOBS_THREADS"]})
    Worker(queue).run()


def _heartbeat(app: Flask, queue: Queue, pace: float, parent: int) -> None:
    while True:
        with app.app_context():
            try:
                beat()
            except Exception:
                log.warning("no heartbeat", exc_info=True)
        if parent and os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
            return
        time.sleep(pace)


def _upkeep(app: Flask, queue: Queue, pace: float, parent: int) -> None:
    sweep, cleaned, folded = Sweep(still=pace * MISSED), -DAY, -FOLD
    while not queue.stopping.is_set():
        with app.app_context():
            try:
                sweep.look()
                if time.monotonic() - folded >= FOLD:
                    folded = time.monotonic()
                    fold_figures()
                    now = datetime.datetime.now(datetime.UTC)
                    keep_requests(now)
                    keep_campaigns(now)
                    send_mail(now)
                if time.monotonic() - cleaned >= DAY:
                    cleaned = time.monotonic()
                    log.info("cleaned up", extra=clean_up(datetime.datetime.now(datetime.UTC)))
                    sweep_duties(datetime.datetime.now(datetime.UTC))
                    sweep_unused(datetime.datetime.now(datetime.UTC))
            except Exception:
                log.warning("jobs could not be looked after", exc_info=True)
        queue.stopping.wait(pace)


def _seal(app: Flask, queue: Queue, pace: float, parent: int) -> None:
    """In a thread of its own: the first sealing of a large ledger takes its time."""
    with app.app_context():
        anchoring = Anchoring.of(app.config)
    while not queue.stopping.is_set():
        with app.app_context():
            try:
                seal()
                anchoring.look()
            except Exception:
                log.warning("the ledger could not be sealed", exc_info=True)
        queue.stopping.wait(min(SEAL, pace * 5))
