"""A PostgreSQL of the tests' own: a cluster a session, whose database the real steps made and each test finds empty.

It listens on a Unix socket in its own folder and nowhere else. As root cannot run PostgreSQL, the account that Debian's
package makes runs it; it ends with its parent, also when the tests are killed.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from vigilar.store.engine import Store
from vigilar.store.schema import metadata

USER = "vigilar"
_ACCOUNT = "postgres"

# What is written here need not survive anything.
_SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=16MB", "listen_addresses=")


class PostgresServer:
    """Running from when it is made until ``stop``. Takes about 2 s."""

    def __init__(self) -> None:
        # Not below pytest's folder: that is closed to the account, and too long a path for a socket.
        self._folder = Path(tempfile.mkdtemp(prefix="vigilar-pg-"))
        self._numbers = itertools.count(1)
        self._as_account: list[str] = []
        if os.geteuid() == 0:
            account = pwd.getpwnam(_ACCOUNT)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
            self._as_account = [
                "setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups",
                "--pdeathsig=INT",
            ]  # fmt: skip
        else:
            self._as_account = ["setpriv", "--pdeathsig=INT"]
        data, programs = self._folder / "data", _programs()
        self._run(
            programs / "initdb", "-D", data, "-U", USER, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"
        )  # fmt: skip
        settings = [
            part for setting in (*_SETTINGS, f"unix_socket_directories={self._folder}") for part in ("-c", setting)
        ]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*self._as_account, programs / "postgres", "-D", data, *settings], stdout=log, stderr=log, cwd="/"
            )
        try:
            self._wait()
            self._execute("CREATE DATABASE ready")
            Store.open(self._url("ready"), migrate=True).close()
        except BaseException:
            self.stop()
            raise

    def ready_database(self) -> str:
        """The address of the database of the newest schema, without rows. The stores of the test before are closed.

        Not a copy a test: each has a thousand files, which takes half a second to make and as long to remove.
        """
        tables = ", ".join(table for table in metadata.tables if table != "counters")
        self._execute(
            f"TRUNCATE {tables} RESTART IDENTITY CASCADE; UPDATE counters SET value = 0",  # noqa: S608 -- our tables
            "ready",
        )
        return self._url("ready")

    def bare_database(self) -> str:
        """The address of a new database without tables."""
        name = f"bare{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self._url(name)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGQUIT)  # ends at once, whoever is connected
        self._process.wait()
        shutil.rmtree(self._folder)

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://{USER}@/{name}?host={self._folder}"

    def _execute(self, sql: str, database: str = "postgres") -> None:
        engine = create_engine(self._url(database), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(sql)
        finally:
            engine.dispose()

    def _wait(self) -> None:
        deadline = time.monotonic() + 30.0
        while True:
            try:
                self._execute("SELECT 1")
                return
            except OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise AssertionError((self._folder / "log").read_text(encoding="utf-8")) from None
                time.sleep(0.05)

    def _run(self, *command: object) -> None:
        done = subprocess.run(
            [*self._as_account, *map(str, command)], capture_output=True, text=True, check=False, cwd="/"
        )
        assert done.returncode == 0, done.stderr


def _programs() -> Path:
    """Debian keeps them off the path, by version."""
    newest = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)
    assert newest is not None, "PostgreSQL is not installed: scripts/test.sh installs Debian's package postgresql"
    return newest
