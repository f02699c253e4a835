"""The real peers of the store's tests: a PostgreSQL cluster and a Redis server of their own, on free ports."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgresql_tool(name: str) -> str:
    """A program of PostgreSQL's, the newest that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else shutil.which(name) or name


def unprivileged() -> list[str]:
    """What a command begins with to run as nobody in particular: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


class Postgresql:
    """A cluster in a folder of its own: made, started, stopped, started again, removed."""

    def __init__(self) -> None:
        # Not under tmp_path: the server's user must be able to walk there, and a socket's path is short.
        self.folder = Path(tempfile.mkdtemp(prefix="aurora-pg-"))
        self.port = free_port()
        self._as = unprivileged()
        if self._as:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._run(
            "initdb",
            "-D",
            str(self.folder / "data"),
            "-U",
            "aurora",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        )
        self.start()

    def start(self) -> None:
        """Until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=50 -c fsync=off"
        data, log = str(self.folder / "data"), str(self.folder / "server.log")
        self._run("pg_ctl", "-D", data, "-l", log, "-w", "-t", "60", "-o", options, "start")

    def stop(self) -> None:
        """At once, as when the machine goes down."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-t", "60", "-m", "immediate", "stop")

    def remove(self) -> None:
        """Stop, and leave nothing."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def emptied(self, name: str) -> str:
        """The URL of a database with nothing in it. A new schema takes 0.05 s, a new database 30 times that."""
        if name not in self.sql("postgres", "SELECT datname FROM pg_database").split():
            self.sql("postgres", f'CREATE DATABASE "{name}"')
        others = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        self.sql("postgres", others)
        self.sql(name, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return f"postgresql://aurora@127.0.0.1:{self.port}/{name}"

    def sql(self, database: str, command: str) -> str:
        """What psql prints of a command, without headings."""
        return self._run(
            "psql", "-X", "-A", "-t", "-h", "127.0.0.1", "-p", str(self.port), "-U", "aurora", database, "-c", command
        )

    def _run(self, tool: str, *arguments: str) -> str:
        command = [*self._as, postgresql_tool(tool), *arguments]
        return subprocess.run(
            command, check=True, timeout=120, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        ).stdout


class Redis:
    """A server with nothing on disk."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Until it answers."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())
        until_s = time.monotonic() + 20
        while time.monotonic() < until_s:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        raise TimeoutError("redis-server does not answer")

    def stop(self) -> None:
        """At once; what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None


@contextlib.contextmanager
def redis() -> Iterator[Redis]:
    """A Redis server for as long as the block lasts."""
    server = Redis()
    try:
        yield server
    finally:
        server.stop()
