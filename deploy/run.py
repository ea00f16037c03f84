"""Runs a tool, `python -m deploy.run services.identity.tools.reclassify`, with the servers and secrets of `./just up`.

Where `SPOOR_REDIS_URL` and `SPOOR_CLICKHOUSE_URL` are set, it uses those.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.up import make_plan
from services.common.settings import SettingsError, load_settings


def main() -> int:
    if len(sys.argv) < 2:
        print("usage: python -m deploy.run MODULE [ARGUMENT ...]", file=sys.stderr)
        return 2
    try:
        _check_begun(os.environ, Path.cwd())
        environ = make_plan(os.environ, Path.cwd()).programs[-1].environ
    except SettingsError as error:
        print(f"spoor: {error}", file=sys.stderr)
        return 1
    return os.execve(sys.executable, [sys.executable, "-m", *sys.argv[1:]], dict(environ))


def _check_begun(environ: Mapping[str, str], root: Path) -> None:
    """Raises `SettingsError` where `up` has never made its secrets: new ones would fit nothing that runs."""
    settings = load_settings(environ)
    data = (root / settings.data_dir).resolve()
    if not settings.redis_url and not (data / "secret").exists():
        text = "start it with ./just up, or say with SPOOR_DATA_DIR and SPOOR_PORT_BASE where it is"
        raise SettingsError(f"there is nothing in {data}: {text}")


if __name__ == "__main__":
    sys.exit(main())
