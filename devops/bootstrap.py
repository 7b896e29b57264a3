"""Make .venv and install the locked packages into it; nothing but Python and pip is needed.

    python devops/bootstrap.py          what the product needs to run
    python devops/bootstrap.py --dev    and what its checks and tests need

Any Python must be able to read this file, so that an old one can say what is missing; install.py works.
"""

import sys

OLDEST_PYTHON = (3, 11)

if sys.version_info < OLDEST_PYTHON:
    sys.exit(
        "Frontdesk needs Python {}.{} or newer; this is {}.{} ({}).\n"  # noqa: UP032
        "Name another: make run PYTHON=/path/to/python3".format(
            OLDEST_PYTHON[0], OLDEST_PYTHON[1], sys.version_info[0], sys.version_info[1], sys.executable
        )
    )

import install  # noqa: E402

sys.exit(install.main(sys.argv[1:]))
