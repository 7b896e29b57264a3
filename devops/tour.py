"""Run the README's tour: the ```bash blocks between <!-- tour --> and <!-- /tour -->, in one session.

    FRONTDESK_URL=http://127.0.0.1:8000 python devops/tour.py

FRONTDESK_URL takes the place of the address that the README names. Fails when a command fails or an answer
has errors. Standard library only.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
README_ADDRESS = re.compile(r"http://(?:localhost|127\.0\.0\.1):8000\b")
TOUR = re.compile(r"<!-- tour -->(.*?)<!-- /tour -->", re.DOTALL)
BASH = re.compile(r"^```bash\n(.*?)^```", re.DOTALL | re.MULTILINE)
ERRORS = re.compile(r'"errors":\s*\[\s*\{')
TIMEOUT_S = 300


def main() -> int:
    commands = tour(README.read_text(), os.environ.get("FRONTDESK_URL", "http://127.0.0.1:8000"))
    if not commands:
        print("The README has no tour.", file=sys.stderr)
        return 1
    session = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{commands}"], stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S
    )
    print(session.stdout, end="")
    if session.returncode != 0 or ERRORS.search(session.stdout):
        print("The README's tour does not work: see the last answer above.", file=sys.stderr)
        return 1
    return 0


def tour(readme: str, address: str) -> str:
    """Return the tour's commands, sent to this address."""
    blocks = [block for part in TOUR.findall(readme) for block in BASH.findall(part)]
    return README_ADDRESS.sub(address, "".join(blocks))


if __name__ == "__main__":
    sys.exit(main())
