"""Runs a tool, `python -m deploy.run services.identity.tools.reclassify`, with the servers and secrets of `./just up`.

Where `SPOOR_REDIS_URL` and `SPOOR_CLICKHOUSE_URL` are set, it uses those.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deploy.up import make_plan
from services.common.settings import SettingsError


def main() -> int:
    if len(sys.argv) < 2:
        print("usage: python -m deploy.run MODULE [ARGUMENT ...]", file=sys.stderr)
        return 2
    try:
        environ = make_plan(os.environ, Path.cwd()).programs[-1].environ
    except SettingsError as error:
        print(f"spoor: {error}", file=sys.stderr)
        return 1
    return os.execve(sys.executable, [sys.executable, "-m", *sys.argv[1:]], dict(environ))


if __name__ == "__main__":
    sys.exit(main())
