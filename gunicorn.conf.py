"""How the portal is served: a few processes of a few threads each. PORT says where, config.py the rest."""

import gc
import os
import sys

from config import BadSettings, load

try:
    settings = load()
except BadSettings as error:
    sys.exit(str(error))

wsgi_app = "app:create_app()"
bind = f"{settings['BIND']}:{os.environ.get('PORT', '8080')}"
worker_class = "gthread"
workers = settings["WORKERS"]
threads = settings["THREADS"]
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


def post_worker_init(worker):  # type: ignore[no-untyped-def]
    """What was loaded stays: the collector need not walk through it again at each page (docs/decisions/0026)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
