"""The servers a stack needs, unless the environment names real ones."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devops.stack import postgresql, state, valkey


@dataclass
class Servers:
    """The addresses, by the settings' names, and the processes that were started for them."""

    addresses: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)


@contextmanager
def running(
    folder: Path, secrets: Mapping[str, str], environment: Mapping[str, str], *, throwaway: bool = False
) -> Iterator[Servers]:
    """Start PostgreSQL and Valkey where DATABASE_URL, CACHE_URL or BROKER_URL do not name a server."""
    names = ("DATABASE_URL", "CACHE_URL", "BROKER_URL")
    given = {name: environment[name] for name in names if environment.get(name)}
    servers = Servers()
    with ExitStack() as stack:
        if "DATABASE_URL" not in given:
            database = postgresql.running(folder, secrets["postgresql_password"], throwaway=throwaway)
            servers.addresses["DATABASE_URL"], servers.processes["PostgreSQL"] = stack.enter_context(database)
        if not {"CACHE_URL", "BROKER_URL"} <= given.keys():
            cache = valkey.running(folder, secrets["valkey_password"], throwaway=throwaway)
            address, servers.processes["Valkey"] = stack.enter_context(cache)
            servers.addresses["CACHE_URL"] = f"{address}/{valkey.CACHE_DATABASE}"
            servers.addresses["BROKER_URL"] = f"{address}/{valkey.BROKER_DATABASE}"
        servers.addresses.update(given)
        yield servers


@contextmanager
def throwaway(environment: Mapping[str, str]) -> Iterator[Servers]:
    """Run servers for a test run in a temporary folder that goes with them."""
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-"))
    folder.chmod(0o711)
    try:
        state.prepare_folder(folder)
        with running(folder, state.new_secrets(), environment, throwaway=True) as servers:
            yield servers
    finally:
        shutil.rmtree(folder, ignore_errors=True)
