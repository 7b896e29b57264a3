"""A checkout of its own, so that `make run` can be tried as its user has it."""

import shutil
import signal

import pytest

from devops.stack.state import ROOT
from tests.devops.checkout import Checkout

SOURCES = ("api", "devops", "reservation", "settings", "manage.py")


@pytest.fixture(scope="package")
def checkout(tmp_path_factory):
    """Give a copy of the sources whose stack has run once; whatever the tests leave running is killed."""
    checkout = Checkout(tmp_path_factory.mktemp("checkout"))
    for name in SOURCES:
        copy(ROOT / name, checkout.folder / name)
    with checkout.running() as stack:
        stack.wait_until_ready()
        assert stack.end(signal.SIGTERM) == 0, stack.output
    yield checkout
    checkout.kill_what_is_left()


def copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, target)
