#!/usr/bin/env python3
"""Aftercall beside a workflow system that is built by hand in PostgreSQL: `aftercall load` and pgbench in turn, in one run.

    cargo build --release
    sudo apt-get install postgresql postgresql-contrib
    benches/peers/postgres.py [--rounds 3] [--requests 20000] [--cluster] [--directory DIR] [--json FILE]

Starts a throw-away PostgreSQL with fsync and synchronous_commit on, in a temporary directory of DIR, and a fresh
workflow-server in the same DIR for each `aftercall load`. The schema is `postgres/schema.sql`. A start is one call of
`start_instance`, a complete one call of `complete_task`; each is a prepared statement and a transaction of its own. Both sides
are asked over TCP on the loopback address. Prints medians over the rounds, and the ratios that the project measures itself by.
Rates are comparable on a quiet machine only: beside other work the system shares CPU by process, of which PostgreSQL has many.
Run as root, PostgreSQL runs as the user `postgres`, because it refuses to run as root.
"""

import argparse
import collections
import glob
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = HERE / "postgres"
EXAMPLES = HERE.parent.parent / "examples"
AFTERCALL = HERE.parent.parent / "target" / "release" / "aftercall"
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_sync_method": "fdatasync",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
}
TICKS = os.sysconf("SC_CLK_TCK")
FIGURES = ("rate", "p50", "p99", "cpu", "client_cpu", "outside")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", default="1,8,16,32,64", help="numbers of PostgreSQL's connections to try")
    parser.add_argument("--in-flight", default="1,64,256", help="requests of Aftercall that are under way at a time")
    parser.add_argument("--requests", type=int, default=20000, help="of each kind in a step; with one at a time a quarter")
    parser.add_argument("--rounds", type=int, default=3, help="the figures are medians over them")
    parser.add_argument("--directory", default=tempfile.gettempdir(), help="where both keep their data")
    parser.add_argument("--aftercall", default=str(AFTERCALL), help="the binary")
    parser.add_argument("--cluster", action="store_true", help="measure Aftercall with its store in the same PostgreSQL too")
    parser.add_argument("--json", help="a file for every figure")
    return parser.parse_args()


def numbers(text):
    return [int(number) for number in text.split(",")]


def of_step(requests, at_a_time):
    """How many requests a step has: one at a time is slow."""
    return requests // 4 if at_a_time == 1 else requests


def tool(name):
    """A program of PostgreSQL; Debian keeps those of the server out of the path."""
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    found = found[-1] if found else shutil.which(name)
    if not found:
        raise SystemExit(f"{name} is missing: apt-get install postgresql postgresql-contrib")
    return found


def stat_fields(process_id):
    """The fields of a process after its bracketed name."""
    try:
        return pathlib.Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def machine_busy():
    """CPU time of all processes, and of the machine, in seconds."""
    ticks = [int(field) for field in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICKS, sum(ticks) / TICKS


class Postgres:
    """A server of its own, whose data is thrown away."""

    def __init__(self, directory):
        self.home = tempfile.TemporaryDirectory(prefix="aftercall-postgres-", dir=directory)
        self.data = f"{self.home.name}/data"
        self.as_user = []
        if os.geteuid() == 0:
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
            shutil.chown(self.home.name, "postgres", "postgres")
        initdb = [tool("initdb"), "--pgdata", self.data, "--auth=trust", "--username=load", "--encoding=UTF8", "--locale=C"]
        subprocess.run(self.as_user + initdb, check=True, stdout=subprocess.DEVNULL, cwd=self.home.name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = [tool("postgres"), "-D", self.data, "-p", str(self.port), "-k", self.home.name] + settings
        log = open(f"{self.home.name}/log", "w")
        self.server = subprocess.Popen(self.as_user + command, stdout=log, stderr=log, cwd=self.home.name)
        self.at = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "load"]
        until = time.monotonic() + 30
        while subprocess.run([tool("pg_isready"), *self.at, "-q"]).returncode:
            if self.server.poll() is not None or time.monotonic() > until:
                raise SystemExit(pathlib.Path(log.name).read_text())
            time.sleep(0.1)
        self.version = self.sql("SHOW server_version")
        self.sql(SCRIPTS.joinpath("schema.sql").read_text())

    def stop(self):
        self.server.send_signal(signal.SIGQUIT)
        self.server.wait()
        self.home.cleanup()

    def sql(self, text):
        command = [tool("psql"), *self.at, "-d", "postgres", "-qtA", "-v", "ON_ERROR_STOP=1"]
        return subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout.strip()

    def cpu(self):
        """CPU time of all its processes, ended ones included, in seconds."""
        own = stat_fields(self.server.pid)
        ticks = sum(int(own[at]) for at in (11, 12, 13, 14))
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            fields = stat_fields(process.name)
            if fields and int(fields[1]) == self.server.pid:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def wait_until_idle(self):
        """Until the connections of the last run are gone: their CPU time is then counted."""
        count = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        while self.sql(count) != "1":
            time.sleep(0.05)

    def measure(self, kind, clients, requests, run, first):
        """One step of pgbench."""
        self.sql("CHECKPOINT")
        self.wait_until_idle()
        requests = max(1, requests // clients)
        logs = tempfile.mkdtemp(dir=self.home.name)
        command = [tool("pgbench"), *self.at, "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-t", str(requests)]
        command += ["-l", f"--log-prefix={logs}/log", "-f", str(SCRIPTS / f"{kind}.sql")]
        for name, value in {"n": 0, "run": run, "first": first, "clients": clients}.items():
            command += ["-D", f"{name}={value}"]
        (busy, whole), used, client = machine_busy(), self.cpu(), children_cpu()
        ended = subprocess.run(command + ["postgres"], capture_output=True, text=True)
        if ended.returncode or f"{requests * clients}/{requests * clients}" not in ended.stdout:
            raise SystemExit(f"pgbench failed:\n{ended.stdout}{ended.stderr}")
        client = children_cpu() - client
        self.wait_until_idle()
        used = self.cpu() - used
        busy, whole = (now - before for now, before in zip(machine_busy(), (busy, whole)))
        rate = next(line for line in ended.stdout.splitlines() if line.startswith("tps = "))
        lines = [line.split() for log in pathlib.Path(logs).iterdir() for line in log.read_text().splitlines()]
        took = sorted(int(fields[2]) for fields in lines)
        shutil.rmtree(logs)
        return {
            "rate": float(rate.split()[2]),
            "p50": took[len(took) // 2] / 1e3,
            "p99": took[len(took) * 99 // 100] / 1e3,
            "cpu": used / len(took) * 1e6,
            "client_cpu": client / len(took) * 1e6,
            "outside": max(0.0, busy - used - client) / whole,
        }

    def step(self, clients, requests, run):
        """Starts, and a complete of each that was started."""
        first = int(self.sql("SELECT coalesce(max(id), 0) + 1 FROM instance"))
        start = self.measure("start", clients, requests, run, first)
        return {"start": start, "complete": self.measure("complete", clients, requests, run, first)}


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cluster(asked, postgres, in_flight, requests):
    """The same step with the store in the database, a new one each time. Its CPU is that of the workflow-server alone."""
    database = f"calls_{time.monotonic_ns()}"
    postgres.sql(f"CREATE DATABASE {database}")
    postgres.sql("CHECKPOINT")
    store = ["--store", f"postgres://load@127.0.0.1:{postgres.port}/{database}"]
    subprocess.run([asked.aftercall, "store", "init", *store], check=True, stdout=subprocess.DEVNULL)
    command = [asked.aftercall, "serve", "workflow-server", *store, "--listen", "127.0.0.1:0", "--log", "warn", "--audit-log", "off"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip()
        until = time.monotonic() + 30
        while subprocess.run([asked.aftercall, "--server", address, "workflow", "list"], capture_output=True).returncode:
            if time.monotonic() > until:
                raise SystemExit("no member leads")
            time.sleep(0.1)
        for what in (["team", "import", "teams.yaml"], ["calendar", "import", "calendars.yaml"], ["workflow", "publish", "refund.yaml"]):
            made = subprocess.run([asked.aftercall, "--server", address, *what], capture_output=True, text=True, cwd=EXAMPLES)
            if made.returncode:
                raise SystemExit(made.stderr)
        return aftercall(asked, in_flight, requests, ["--server", address])
    finally:
        server.terminate()
        server.wait()


def aftercall(asked, in_flight, requests, where=None):
    """One step of `aftercall load`: starts are Set Workflows, completes are pushes."""
    command = [asked.aftercall, "load", "--output", "json", "--in-flight", str(in_flight), "--requests", str(requests)]
    command += ["--connections", str(min(4, in_flight)), *(where or ["--data-dir", asked.directory])]
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        raise SystemExit(f"aftercall load failed:\n{ended.stderr}")
    step = {}
    for figure in json.loads(ended.stdout)["figures"]:
        kind = {"set-workflow": "start", "push": "complete", "no-op": "no-op"}[figure["request"]]
        step[kind] = {
            "rate": figure["rate_per_second"],
            "p50": figure["p50_seconds"] * 1e3,
            "p99": figure["p99_seconds"] * 1e3,
            "cpu": figure["server_cpu_seconds_each"] * 1e6,
            "client_cpu": figure["client_cpu_seconds_each"] * 1e6,
            "outside": figure["outside_cpu_share"],
        }
    return step


def in_turn(connections, in_flight, has_cluster):
    """The steps of a round: the two sides alternate as evenly as their numbers allow."""
    steps = [(at / len(connections), "postgres", number) for at, number in enumerate(connections)]
    steps += [((at + 0.5) / len(in_flight), "aftercall", number) for at, number in enumerate(in_flight)]
    if has_cluster:
        steps += [((at + 0.6) / len(in_flight), "cluster", number) for at, number in enumerate(in_flight)]
    return [(side, number) for _, side, number in sorted(steps)]


def rounds(asked, postgres):
    """Medians over the rounds, by side, number at a time and kind."""
    seen = collections.defaultdict(list)
    for number in range(asked.rounds):
        steps = in_turn(numbers(asked.connections), numbers(asked.in_flight), asked.cluster)
        for place, (side, at_a_time) in enumerate(steps):
            print(f"round {number + 1}: {side}, {at_a_time} at a time", file=sys.stderr)
            requests = of_step(asked.requests, at_a_time)
            if side == "postgres":
                step = postgres.step(at_a_time, requests, number * 1000 + place)
            elif side == "cluster":
                step = cluster(asked, postgres, at_a_time, requests)
            else:
                step = aftercall(asked, at_a_time, requests)
            for kind, figures in step.items():
                seen[side, at_a_time, kind].append(figures)
    median = lambda steps: {name: statistics.median(step[name] for step in steps) for name in FIGURES}
    return {key: median(steps) for key, steps in seen.items()}


def ratios(medians, in_flight):
    """Aftercall ÷ PostgreSQL at its best number of connections, and both with one at a time."""
    found = []
    for kind in ("start", "complete"):
        rates = {number: row["rate"] for (side, number, of), row in medians.items() if (side, of) == ("postgres", kind)}
        best = max(rates, key=rates.get)
        for number in in_flight:
            ours, other = medians["aftercall", number, kind], 1 if number == 1 and 1 in rates else best
            name = f"{kind}, rate: {number} in flight ÷ {other} connection(s)"
            found.append((name, ours["rate"] / rates[other]))
            theirs = medians["postgres", other, kind]
            name = f"{kind}, requests per server core-second: {number} in flight ÷ {other} connection(s)"
            found.append((name, theirs["cpu"] / ours["cpu"]))
        if 1 in in_flight and 1 in rates:
            p50 = medians["aftercall", 1, kind]["p50"] / medians["postgres", 1, kind]["p50"]
            found.append((f"{kind}, p50: 1 in flight ÷ 1 connection", p50))
    for (side, number, kind), row in sorted(medians.items()):
        if side == "cluster":
            sled = medians["aftercall", number, kind]
            found.append((f"{kind}, rate: store in PostgreSQL ÷ sled, {number} in flight", row["rate"] / sled["rate"]))
            found.append((f"{kind}, p50: store in PostgreSQL ÷ sled, {number} in flight", row["p50"] / sled["p50"]))
    return found


def main():
    asked = arguments()
    if not os.access(asked.aftercall, os.X_OK):
        raise SystemExit(f"{asked.aftercall} is missing: cargo build --release")
    postgres = Postgres(asked.directory)
    try:
        medians = rounds(asked, postgres)
    finally:
        postgres.stop()
    found = ratios(medians, numbers(asked.in_flight))
    print(f"PostgreSQL {postgres.version}, {asked.rounds} rounds, medians; CPU of all processes of a side, µs a request\n")
    print(f"{'':10} {'at a time':>9} {'kind':9} {'rate/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'CPU':>7} {'client':>7} {'others':>6}")
    for (side, number, kind), row in sorted(medians.items(), key=lambda item: (item[0][0], item[0][2], item[0][1])):
        cells = f"{row['rate']:8.0f} {row['p50']:8.2f} {row['p99']:8.2f} {row['cpu']:7.0f} {row['client_cpu']:7.1f}"
        print(f"{side:10} {number:9} {kind:9} {cells} {row['outside']:6.0%}")
    print()
    for name, value in found:
        print(f"{value:6.2f}  {name}")
    if asked.json:
        rows = [{"side": side, "at_a_time": number, "kind": kind, **row} for (side, number, kind), row in medians.items()]
        report = {"postgres": postgres.version, "settings": SETTINGS, "rounds": asked.rounds, "figures": rows, "ratios": dict(found)}
        pathlib.Path(asked.json).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
