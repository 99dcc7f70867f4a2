"""make bench: the portal and its peers, task by task, in one run on the same machine, and the ratios between them.

    make bench [BENCH=../shared/bench] [PG=user@host:port] [SCALES="1m 1k"] [PEERS="floor"] [ARGS="--only ^1"]

BENCH: the folder of the measuring kit, which is not part of this repository: bench.py, data.py, peers/ and targets/
(see docs/performance.md). PG: a PostgreSQL whose user may create databases, with pg_stat_statements preloaded; what is
missing of crm_1m_t, switchboard_1m and switchboard_1k is made first, which takes some minutes. The peers' packages go
into .venv/bench (or BENCH_VENV). Everything that is measured is written to bench/result.json too.
"""

import argparse
import html
import http.client
import importlib.util
import itertools
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import psycopg

ROOT = Path(__file__).resolve().parent.parent
OWN = ROOT / "bench" / "switchboard.toml"
PACKAGES = ["flask-appbuilder==5.3.0", "flask-sqlalchemy", "gunicorn", "psycopg[binary]", "orjson", "django>=5.2,<5.3"]
CUSTOMERS = {"1m": 1_000_000, "1k": 1_000}
SEARCHED = {  # what finds a page of 25 rows and more at that size; telephones as many as in the kit
    "1m": {
        "BENCH_PART": "kowalst",
        "BENCH_PHONE": "%2B861541260",
        "BENCH_PAIR": "%E7%8E%8B%E4%BC%9F",
        "BENCH_STATE": "held",
    },
    "1k": {
        "BENCH_PART": "sen",
        "BENCH_PHONE": "%2B8615401",
        "BENCH_PAIR": "%E5%85%AC%E5%8F%B8",
        "BENCH_STATE": "completed",
    },
}
PASSWORD = "sample-password-1"  # noqa: S105 (of the sample logins, in a database for measuring)
SAMPLES, SECONDS, THROUGHPUT_SECONDS = 220, 15, 3
MIXED_SECONDS, ROUNDS = 8, 3  # of eight clients with tasks in turn: the portal and the best peer one after the other
BEST = "django_best"
GROWTH = 1.5  # times, at most, from the small scale to the large one
Row = dict[str, Any]
Side = tuple[Path, dict[str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kit", type=Path, default=ROOT.parent / "shared" / "bench")
    parser.add_argument("--pg", default="root@127.0.0.1:5432", help="user@host:port")
    parser.add_argument("--only", default="", help="only the tasks whose name matches")
    parser.add_argument("--scales", default="1m 1k")
    parser.add_argument("--peers", default=f"floor fab_fast {BEST}")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="requests for p50 and p95 of each task")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="at most for these")
    parser.add_argument("--json", type=Path, default=ROOT / "bench" / "result.json")
    args = parser.parse_args()
    if not (args.kit / "bench.py").exists():
        sys.exit(f"There is no bench.py in {args.kit}: say where the kit is with BENCH=/path/to/bench")
    os.environ["PG"] = args.pg
    scales = args.scales.split()
    peers = args.peers.split()
    python = peers_python() if peers else Path(sys.executable)
    for scale in scales:
        prepare_own(args.pg, scale)
    if peers:
        prepare_peers(args.kit, args.pg, python)
    kit = load_kit(args.kit, args.samples, args.seconds)
    results: dict[str, list[Row]] = {}
    for peer in peers:
        target, settings = args.kit / "targets" / f"{peer}.toml", peer_settings(python)
        results[peer] = measure(kit, target, args.only, settings)
    for scale in scales:
        results[f"switchboard {scale}"] = measure(kit, OWN, args.only, own_settings(args.pg, scale))
    settings = own_settings(args.pg, scales[0])
    best = args.kit / "targets" / f"{BEST}.toml"
    turns = in_turns(kit, args.only, (best, peer_settings(python)), settings) if BEST in peers else {}
    small = (OWN, own_settings(args.pg, scales[-1]))
    grown = in_turns(kit, args.only, small, settings) if len(scales) > 1 else {}
    mixed: dict[str, list[float]] = {}
    for _round in range(ROUNDS):
        if BEST in peers:
            mixed.setdefault(BEST, []).append(together(kit, best, peer_settings(python)))
        mixed.setdefault(f"switchboard {scales[0]}", []).append(together(kit, OWN, settings))
    sizes = memory(kit, OWN, settings)
    args.json.write_text(
        json.dumps(results | {"in turns": turns, "growth": grown, "mixed": mixed, "memory": sizes}, indent=1)
    )
    print(table(results, scales))
    if turns:
        print(table_of_turns(turns, BEST))
    if grown:
        print(table_of_turns(grown, f"Switchboard {scales[-1]}"))
    print(f"\nrequests per second of 8 clients, {len(MIX)} tasks in turn, round by round: {mixed}")
    if BEST in mixed:
        theirs, own = (statistics.mean(rounds) for rounds in mixed.values())
        print(f"that is {own / theirs:.2f} times {BEST}")
    print(f"MiB of a worker after each 1,000 of {REQUESTS:,} requests, and after every filter: {sizes}")


# --- the kit ---------------------------------------------------------------------------------------------------------


def load_kit(folder: Path, samples: int, seconds: float) -> Any:
    """bench.py as a module: more samples for p95, shorter throughput, tokens for REST."""
    spec = importlib.util.spec_from_file_location("bench_kit", folder / "bench.py")
    if spec is None or spec.loader is None:
        sys.exit(f"{folder}/bench.py cannot be read")
    kit: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kit)
    kit.SAMPLES = samples
    kit.http.client.HTTPConnection = Connection
    throughput = kit.throughput

    def shorter(*arguments: Any, lasts: float = THROUGHPUT_SECONDS) -> float:
        kit.SECONDS = lasts
        try:
            return throughput(*arguments)
        finally:
            kit.SECONDS = seconds

    kit.throughput, kit.SECONDS = shorter, seconds
    return kit


class Connection(http.client.HTTPConnection):
    """The kit knows cookies only: REST of the portal wants a token, of the server at a port."""

    tokens: ClassVar[dict[int, str]] = {}

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **rest: Any) -> None:
        if url.startswith("/api/") and self.port in self.tokens:
            headers = {**(headers or {}), "Authorization": f"Bearer {self.tokens[self.port]}"}
        super().request(method, url, body, headers or {}, **rest)


def saving(client: Any, spec: dict[str, Any]) -> Callable[[], bytes]:
    """Post a form as if it had just been opened, with another value each time: what is stored already is not written.

    The kit would post the same values again and again. Each client has an order of its own.
    """
    name, value = next(iter(spec["set"].items()))
    order = next(ORDERS) % SAVED
    form = spec["form"].replace(os.environ["BENCH_ORDER"], os.environ["BENCH_ORDERS"].split()[order])
    fields, action = client.read_form(form, name)
    original = json.loads(dict(fields)[ORIGINAL])
    numbers = itertools.count(time.time_ns())

    def save() -> bytes:
        changes = {name: f"{value} {next(numbers)}", ORIGINAL: json.dumps(original)}
        original[name], original["_version"] = changes[name], str(int(original["_version"]) + 1)
        return client.post(action, fields, changes)

    return save


def saving_of_peer(client: Any, spec: dict[str, Any]) -> Callable[[], bytes]:
    """Post a form of a peer with another choice each time, as ours is: the kit would store what is stored already."""
    name, value = next(iter(spec["set"].items()))
    fields, action = client.read_form(spec["form"], name)
    values = itertools.cycle((OTHER_CHOICE, value))
    return lambda: client.post(action, fields, {name: next(values)})


OTHER_CHOICE = "web"  # of the channel of an order, beside the "shop" of the kit
ORIGINAL, SAVED, ORDERS = "_original", 20, itertools.count()


def measure(kit: Any, target: Path, only: str, settings: dict[str, str]) -> list[Row]:
    with patched(kit, target, settings):
        return kit.run(target, only)


@contextmanager
def patched(kit: Any, target: Path, settings: dict[str, str]) -> Iterator[None]:
    """The kit with what a target needs of it: its environment, saves that store something, tokens, tasks in turn."""
    before = dict(os.environ)
    os.environ.update(settings)
    started, make_task = kit.Client.log_in, kit.make_task

    def task_of(client: Any, spec: Any, login: Any) -> Any:
        if isinstance(spec, list):
            tasks = itertools.cycle([task_of(client, each, login) for each in spec])
            return lambda: next(tasks)()
        if not isinstance(spec, dict) or "form" not in spec or "answer" in spec:
            return make_task(client, spec, login)
        return saving(client, spec) if target == OWN else saving_of_peer(client, spec)

    def log_in(client: Any, login: Any) -> None:
        started(client, login)
        if target == OWN:
            Connection.tokens[client.connection.port] = token(client.base)

    kit.Client.log_in, kit.make_task = log_in, task_of
    try:
        yield
    finally:
        kit.Client.log_in, kit.make_task = started, make_task
        os.environ.clear()
        os.environ.update(before)


def token(base: str) -> str:
    body = json.dumps({"username": "admin", "password": PASSWORD, "provider": "db"}).encode()
    request = urllib.request.Request(  # noqa: S310 (our own server)
        f"{base}/api/v1/security/login", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.load(answer)["access_token"]


@contextmanager
def served(kit: Any, target: Path, settings: dict[str, str]) -> Iterator[tuple[dict[str, Any], Any, Any]]:
    """(target as described, its server, a client that has signed in)."""
    with patched(kit, target, settings):
        described = kit.tomllib.loads(kit.string.Template(target.read_text()).safe_substitute(os.environ))
        server = kit.Server(described, target.parent)
        try:
            client = kit.Client(described["base"])
            client.log_in(described["login"])
            yield described, server, client
        finally:
            server.stop()


def in_turns(kit: Any, only: str, first: Side, ours: dict[str, str]) -> dict[str, list[tuple[float, ...]]]:
    """Of each task that both do: (p50, processor time) of the first side and of the portal, in seconds, by rounds.

    first: the target and settings of the best peer, or of the portal at another scale. A machine that others use too is
    fast in one minute and slow in the next: what is to be compared is asked in turns.
    """
    with served(kit, *first) as (peer, peer_server, peer_client):
        known = tasks_of(kit, peer, peer_client, only)
        with served(kit, OWN, ours) as (own, server, client):
            tasks = tasks_of(kit, own, client, only)
            return {
                name: compared((peer_server, known[name]), (server, task))
                for name, task in tasks.items()
                if name in known
            }


def compared(*sides: tuple[Any, Callable[[], bytes]]) -> list[tuple[float, ...]]:
    """Rounds of two sides, each of which is the first in every other round."""
    is_long = max(once(task) for _server, task in sides) > LONG
    rounds = []
    for number in range(ROUNDS_OF_LONG if is_long else ROUNDS_OF_TASK):
        order = (number % 2, 1 - number % 2)
        told = {side: batch(*sides[side], IN_A_TURN_OF_LONG if is_long else IN_A_TURN) for side in order}
        rounds.append((*told[0], *told[1]))
    return rounds


def tasks_of(kit: Any, described: dict[str, Any], client: Any, only: str) -> dict[str, Callable[[], bytes]]:
    specs = {name: spec for name, spec in described["urls"].items() if re.search(only, name) and "login" not in spec}
    return {name: kit.make_task(client, spec, described["login"]) for name, spec in specs.items()}


def once(task: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    task()
    return time.perf_counter() - begun


def batch(server: Any, task: Callable[[], Any], times: int) -> tuple[float, float]:
    """(p50, processor time of the workers for one) in seconds."""
    before = server.cpu()
    taken = [once(task) for _time in range(times)]
    return statistics.median(taken), (server.cpu() - before) / times


IN_A_TURN, ROUNDS_OF_TASK = 20, 15
LONG, IN_A_TURN_OF_LONG, ROUNDS_OF_LONG = 0.2, 2, 4  # seconds; what takes longer is asked for less often


def memory(kit: Any, target: Path, settings: dict[str, str]) -> list[int]:
    """MiB of a worker after each fifth of 5,000 requests of every kind, and after every filter that the lists offer."""
    sizes = []
    with served(kit, target, settings) as (described, server, client):
        pages = [url for name, url in described["urls"].items() if isinstance(url, str) and name[:2] in PAGES]
        for number in range(REQUESTS):
            client.get(pages[number % len(pages)])
            if (number + 1) % (REQUESTS // 5) == 0:
                sizes.append(server.memory("VmRSS"))
        for address in every_filter(client):
            client.get(address)
        sizes.append(server.memory("VmRSS"))
    return sizes


def every_filter(client: Any) -> Iterator[str]:
    """Each field of the lists FILTERED with each of its comparisons, by a value that few rows have."""
    for table in FILTERED:
        page = client.get(f"/{table}/list/").decode()
        told = re.search(r'data-filterable="([^"]+)"', page)
        if told is None:
            sys.exit(f"the list of {table} offers no filters")
        offered = json.loads(html.unescape(told[1]))
        for field in offered["fields"]:
            value = field["choices"][0][0] if field["choices"] else TYPED.get(field["kind"], "1")
            for comparison in offered["operators"][field["kind"]]:
                name, times = f"{field['name']}.{comparison['name']}", 2 if comparison["inputs"] == 2 else 1
                yield f"/{table}/list/?" + urllib.parse.urlencode([(name, value)] * times)


FILTERED = ("customer", "trouble_ticket")
TYPED = {"text": "Kowalski", "date": "2026-01-31", "instant": "2026-01-31"}


def together(kit: Any, target: Path, settings: dict[str, str]) -> float:
    """Requests per second of eight clients, each of whom does the tasks of MIX in turn; saves included.

    What comes first is not counted: connections are made, and statements prepared.
    """
    with served(kit, target, settings) as (described, _server, client):
        mix = [described["urls"][name] for name in MIX]
        kit.throughput(described, client.cookies, mix)
        return round(kit.throughput(described, client.cookies, mix, lasts=MIXED_SECONDS), 1)


REQUESTS = 5_000
PAGES = ("1 ", "2 ", "3 ", "4a", "4b", "5 ", "6 ", "8 ", "4e")
MIX = (  # what both do, and nothing that only one of them is slow at
    "1 list orders",
    "3 filter state+date",
    "4a search name part",
    "4b search phone prefix",
    "5 add form",
    "6 edit form",
    "7 save edit",
    "8 customer page",
)


# --- databases and settings ------------------------------------------------------------------------------------------


def connect(pg: str, database: str = "postgres") -> Any:
    user, host, port = re.split("[@:]", pg)
    return psycopg.connect(host=host, port=int(port), user=user, dbname=database, autocommit=True)


def has_database(pg: str, name: str) -> bool:
    with connect(pg) as db:
        return db.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None


def run(*command: Any, **environ: str) -> None:
    cwd = environ.pop("cwd", str(ROOT))
    subprocess.run([str(part) for part in command], check=True, cwd=cwd, env=os.environ | environ)


def prepare_own(pg: str, scale: str) -> None:
    name = f"switchboard_{scale}"
    url = f"postgresql://{pg}/{name}"
    own = {"SWITCHBOARD_DATABASE_URL": url, "SWITCHBOARD_SAMPLE_PASSWORD": PASSWORD}
    is_new = not has_database(pg, name)
    if is_new:
        with connect(pg) as db:
            db.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    flask = (sys.executable, "-m", "flask", "--app", "app")
    run(*flask, "portal", "prepare", **own)
    if is_new:
        run(*flask, "portal", "sample", "--customers", CUSTOMERS[scale], **own)
        with connect(pg, name) as db:
            db.execute("VACUUM ANALYZE")


def peers_python() -> Path:
    folder = Path(os.environ.get("BENCH_VENV") or ROOT / ".venv" / "bench")
    python = folder / "bin" / "python"
    if not python.exists():
        run(sys.executable, "-m", "venv", folder)
        run(python, "-m", "pip", "install", "-q", *PACKAGES)
    return python


def prepare_peers(kit: Path, pg: str, python: Path) -> None:
    """Their own copy of the same volume, with the indexes of an expert, and the tables that they sign in with."""
    if not has_database(pg, "crm_1m_t"):
        with connect(pg) as db:
            db.execute("CREATE DATABASE crm_1m_t")
        for option in ("1000000", "--tuned"):
            run(python, kit / "data.py", f"postgresql://{pg}/crm_1m_t", option)
    with connect(pg, "crm_1m_t") as db:
        tables = {name for (name,) in db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    if "auth_user" not in tables:
        django = {"DB": "crm_1m_t", "PG": pg, "TUNED": "2", "cwd": str(kit / "peers" / "django_admin")}
        run(python, "manage.py", "migrate", "-v", "0", **django)
        admin = {"DJANGO_SUPERUSER_PASSWORD": "admin"}
        names = ("--username", "admin", "--email", "admin@example.com")
        run(python, "manage.py", "createsuperuser", "--noinput", *names, **django, **admin)
    if "ab_user" not in tables:
        fab = {"DB": f"postgresql+psycopg://{pg}/crm_1m_t", "cwd": str(kit / "peers" / "fab_stock")}
        run(python, "-c", "from app import create_app; create_app()", **fab)


def peer_settings(python: Path) -> dict[str, str]:
    return {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "PYTHONPATH": "",
        "SCALE": "1m_t",
        "DEEP": "4000",
        "CUSTOMER": "10000",
        "FEATURES": "perm,user,eager,count,offset,menu,rows",
        "LEVEL": "stock",
    }


def own_settings(pg: str, scale: str) -> dict[str, str]:
    """The rows that the tasks are about: a usual order and customer, the customer with most orders, a deep place."""
    with connect(pg, f"switchboard_{scale}") as db:

        def one(statement: str) -> Any:
            return db.execute(statement).fetchone()[0]

        orders = one("SELECT count(*) FROM product_order")
        deep, exported = min(100_000, orders // 2), min(100_000, orders - 1)
        usual = one("SELECT max(id) - count(*) / 2 FROM customer")
        found = {
            "BENCH_DEEP": one(f"SELECT id FROM product_order ORDER BY id DESC OFFSET {deep} LIMIT 1"),
            "BENCH_ORDER": one("SELECT max(id) FROM product_order WHERE state = 'completed'"),
            "BENCH_ORDERS": one(
                "SELECT string_agg(id::text, ' ') FROM (SELECT id FROM product_order WHERE state = 'completed'"
                f" ORDER BY id DESC LIMIT {SAVED}) AS newest"
            ),
            "BENCH_CUSTOMER": usual,
            "BENCH_BIGGEST": one("SELECT customer_id FROM product_order GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"),
            "BENCH_SINCE": one(
                f"SELECT order_date::date + 1 FROM product_order ORDER BY order_date DESC OFFSET {exported} LIMIT 1"
            ),
            "BENCH_UNTIL": one("SELECT max(order_date)::date + 1 FROM product_order"),
        }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {name: str(value) for name, value in found.items()}
    own = {"SCALE": scale, "BENCH_DATABASE": f"switchboard_{scale}", "BENCH_PORT": str(port)}
    return settings | own | SEARCHED[scale] | {"BENCH_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}


# --- what comes out --------------------------------------------------------------------------------------------------


def table(results: dict[str, list[Row]], scales: list[str]) -> str:
    """p50 / CPU ms of each, the ratios of the portal to the best peer, its p95, and its growth between the scales."""
    peers = [name for name in results if not name.startswith("switchboard")]
    own = {scale: by_task(results[f"switchboard {scale}"]) for scale in scales}
    theirs = {peer: by_task(results[peer]) for peer in peers}
    lines = [
        "| task | " + " | ".join(peers) + f" | Switchboard {scales[0]} | p95 | of {BEST}: p50, CPU | growth |",
        "|---" * (len(peers) + 5) + "|",
    ]
    for task, row in own[scales[0]].items():
        cells = [figures(theirs[peer].get(task)) for peer in peers]
        best = theirs.get(BEST, {}).get(task)
        small = own[scales[-1]].get(task) if len(scales) > 1 else None
        cells += [
            figures(row),
            f"{row['p95'] * 1000:.0f}" if "p95" in row else "",
            ratios(row, best),
            growth(row, small),
        ]
        lines.append(f"| {task} | " + " | ".join(cells) + " |")
    return "\n".join(["", "p50 ms / CPU ms of the workers / SQL statements / requests per second of 8 clients", *lines])


def table_of_turns(turns: dict[str, list[tuple[float, ...]]], first: str) -> str:
    """The portal beside the first side: medians, and the median of what each round took in parts of that one's."""
    lines = [f"| in turns | {first}: p50 / CPU ms | Switchboard | p50 | CPU |", "|---|---|---|---|---|"]
    for name, rounds in turns.items():
        best_p50, best_cpu, own_p50, own_cpu = (
            statistics.median(figures) * 1000 for figures in zip(*rounds, strict=True)
        )
        by_time = statistics.median(own / best for best, _cpu, own, _own in rounds)
        by_cpu = statistics.median(own / best for _p50, best, _own, own in rounds if best)
        told = f"{best_p50:.1f} / {best_cpu:.1f} | {own_p50:.1f} / {own_cpu:.1f} | {by_time:.2f} | {by_cpu:.2f}"
        lines.append(f"| {name} | {told} |")
    return "\n".join(["", *lines])


def by_task(rows: list[Row]) -> dict[str, Row]:
    return {row["task"]: row for row in rows}


def figures(row: Row | None) -> str:
    if row is None:
        return "-"
    if "error" in row:
        return "failed"
    parts = [f"{row['p50'] * 1000:.1f}", f"{row.get('cpu', 0) * 1000:.1f}", str(row.get("statements", "-"))]
    return " / ".join([*parts, f"{row['rps']:.0f}" if "rps" in row else "-"])


def ratios(row: Row, best: Row | None) -> str:
    if best is None or "p50" not in best or "p50" not in row:
        return "-"
    cpu = f"{row['cpu'] / best['cpu']:.2f}" if best.get("cpu") and "cpu" in row else "-"
    return f"{row['p50'] / best['p50']:.2f}, {cpu}"


def growth(row: Row, small: Row | None) -> str:
    if small is None or "p50" not in small or "p50" not in row:
        return "-"
    by_time, by_cpu = row["p50"] / small["p50"], row.get("cpu", 0) / (small.get("cpu") or 1)
    return f"{by_time:.2f}, CPU {by_cpu:.2f}" + (" !" if statistics.mean((by_time, by_cpu)) > GROWTH else "")


if __name__ == "__main__":
    main()
