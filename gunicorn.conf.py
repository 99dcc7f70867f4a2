"""How the portal is served: a few processes of a few threads each. PORT says where, config.py the rest."""

import ctypes
import gc
import os
import sys

from gunicorn.glogging import Logger

from config import BadSettings, load

gc.disable()  # until a worker begins: loading the portal makes much and drops little, and took a fifth longer
try:
    settings = load()
except BadSettings as error:
    sys.exit(str(error))

wsgi_app = "app:create_app()"
bind = f"{settings['BIND']}:{os.environ.get('PORT', '8080')}"
worker_class = "gthread"
workers = settings["WORKERS"]
threads = settings["THREADS"]
preload_app = True  # loaded once: workers share its memory, and one that is replaced starts at once
timeout = 60  # seconds without a sign of life before a worker is replaced
graceful_timeout = 30
keepalive = 5
accesslog = None  # app/logs.py writes a line for each request
control_socket_disable = True
logconfig_dict = {  # as app/logs.py, whose handler takes the place of the one of this name
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "app.logs.json_lines"}},
    "handlers": {"switchboard": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"level": settings["LOG_LEVEL"], "handlers": ["switchboard"]},
    "loggers": {"gunicorn.error": {"level": "WARNING", "handlers": ["switchboard"], "propagate": False}},
}


class Log(Logger):
    """Where there is a logconfig_dict, gunicorn puts a line together of all headers of each request, and drops it."""

    access_log_enabled = False


logger_class = Log
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of malloc.h
SMALL = 128 * 1024  # bytes


def when_ready(server):  # type: ignore[no-untyped-def]
    """Before the workers are made: what was loaded stays, and what is freed goes back (docs/decisions/0026)."""
    spare_memory()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def spare_memory() -> None:
    """Have glibc keep one heap for all threads, and give back what a long export has used; others do without."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_MMAP_THRESHOLD, SMALL)
        mallopt(M_TRIM_THRESHOLD, SMALL)


def post_fork(server, worker):  # type: ignore[no-untyped-def]
    """A worker asks the database by connections of its own, should loading the portal ever have opened one."""
    gc.enable()
    portal = worker.app.wsgi()
    with portal.app_context():
        for engine in portal.extensions["sqlalchemy"].engines.values():
            engine.dispose(close=False)
