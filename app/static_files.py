"""Scripts, styles and pictures: served before the portal is asked, compressed, and kept by browsers for a year.

The address of a file carries a digest of what is in it (``?v=``), so a new version has a new address. Who asks without
one, as a style sheet for its fonts, may keep the answer for an hour.
"""

import gzip
import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from wsgiref.headers import Headers

from flask import Flask, request
from whitenoise import WhiteNoise
from whitenoise.responders import StaticFile

FOREVER = "max-age=31536000, public, immutable"
HOUR = 3600  # seconds
COMPRESSED = {".css", ".js", ".svg", ".json", ".ttf", ".eot", ".map"}
GUARDS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


def init_app(app: Flask) -> None:
    """Called last: it wraps the portal and every folder of static files that was registered."""
    folders = dict(_folders(app))
    served = StaticFiles(app.wsgi_app, Path(app.instance_path) / "compressed", app.config["ENV"] != "production")
    for prefix, folder in folders.values():
        served.add_files(folder, prefix)
    app.wsgi_app = served  # type: ignore[method-assign]

    app.jinja_env.globals["asset"] = Assets(folders)

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint in folders and "v" not in values and values.get("filename"):
            version = _version(os.path.join(folders[endpoint][1], values["filename"]))
            if version:
                values["v"] = version


class Assets:
    """asset("page.js") in a template: the address of a static file with its version, sooner than by url_for()."""

    def __init__(self, folders: dict[str, tuple[str, str]]) -> None:
        self.folders = folders

    def __call__(self, filename: str, endpoint: str = "static") -> str:
        prefix, folder = self.folders[endpoint]
        address = f"{request.script_root}{prefix}{quote(filename)}"
        version = _version(f"{folder}/{filename}")
        return f"{address}?v={version}" if version else address


def _folders(app: Flask) -> Iterator[tuple[str, tuple[str, str]]]:
    """Endpoint -> (start of the address, folder) of the portal's own files and of each library's."""
    owners: dict[str, Any] = {"static": app} | {f"{name}.static": each for name, each in app.blueprints.items()}
    for rule in app.url_map.iter_rules():
        folder = owners[rule.endpoint].static_folder if rule.endpoint in owners else None
        if folder and Path(folder).is_dir():
            yield rule.endpoint, (rule.rule.partition("<")[0], folder)


def _version(path: str) -> str:
    try:
        stat = os.stat(path)
    except OSError:
        return ""  # the browser will get a 404
    return digest(path, stat.st_mtime_ns, stat.st_size)[:12]


@lru_cache(maxsize=1000)
def digest(path: str, changed: int, size: int) -> str:
    """Of the content of a file; it is read again when it has changed."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


class StaticFiles(WhiteNoise):
    """cache: the folder for compressed copies, each made once. watch: look whether files change, while developing."""

    def __init__(self, application: Any, cache: Path, watch: bool) -> None:
        super().__init__(
            application,
            autorefresh=watch,
            max_age=HOUR,
            allow_all_origins=False,
            add_headers_function=_guard,
        )
        self.cache = cache

    def get_static_file(self, path: str, url: str, stat_cache: Any = None) -> StaticFile:
        found = super().get_static_file(path, url, stat_cache)
        copy = self._compressed(path) if Path(path).suffix in COMPRESSED else None
        if copy is None:
            return found
        headers = Headers([*found.alternatives[-1][2]])
        del headers["Content-Length"]
        return StaticFile(path, headers.items(), encodings={"gzip": copy})

    def _compressed(self, path: str) -> str | None:
        stat = os.stat(path)
        copy = self.cache / f"{digest(path, stat.st_mtime_ns, stat.st_size)}.gz"
        if not copy.exists():
            try:
                self.cache.mkdir(parents=True, exist_ok=True)
                new = copy.with_suffix(f".{os.getpid()}")
                new.write_bytes(gzip.compress(Path(path).read_bytes(), 9, mtime=0))
                new.replace(copy)  # at once: other processes make it too
            except OSError:
                return None  # a folder that cannot be written to: it is served as it is
        return str(copy)

    def serve(self, static_file: Any, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """As WhiteNoise does; an address with its version is good for ever."""
        is_versioned = "v=" in environ.get("QUERY_STRING", "")

        def start(status: str, headers: list[tuple[str, str]]) -> Any:
            if is_versioned:
                headers = [(name, FOREVER if name == "Cache-Control" else value) for name, value in headers]
            return start_response(status, headers)

        return super().serve(static_file, environ, start)


def _guard(headers: Headers, path: str, url: str) -> None:
    for name, value in GUARDS.items():
        headers[name] = value
