"""`./just up`: the main job. Starts embedded servers, all services and the demo page, and stops them in order.

With `SPOOR_REDIS_URL` or `SPOOR_CLICKHOUSE_URL` set, that server is used and no embedded one is started.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import httpx

from deploy.ports import check_ports
from deploy.supervisor import Program, StartError, Supervisor
from services.common.settings import PORTS, Settings, SettingsError, load_settings, unknown_settings

READY_SECONDS = 60.0


class Plan(NamedTuple):
    """What `up` starts, in this order; it is stopped in the reverse one."""

    programs: list[Program]
    settings: Settings
    password: str  # the generated one, '' when the settings give it


def main() -> int:
    arguments = _parser().parse_args()
    if arguments.port_base is not None:
        os.environ["SPOOR_PORT_BASE"] = str(arguments.port_base)
    try:
        plan = make_plan(os.environ, Path.cwd())
        return asyncio.run(_run(plan))
    except (SettingsError, StartError, OSError) as error:
        print(f"spoor: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./just up", description="Embedded servers, all services and a demo shop.")
    text = f"the first of the {len(PORTS)} ports to use, as SPOOR_PORT_BASE says; SPOOR_*_PORT still choose single ones"
    parser.add_argument("--port-base", type=int, metavar="PORT", help=text)
    return parser


def make_plan(environ: Mapping[str, str], root: Path) -> Plan:
    """The programs and their environment. Raises `SettingsError`; writes generated secrets into the data directory."""
    settings = load_settings(environ)
    if settings.redis_url and not settings.secret:
        raise SettingsError("SPOOR_SECRET is required together with SPOOR_REDIS_URL")
    data = (root / settings.data_dir).resolve()
    data.mkdir(parents=True, exist_ok=True)
    redis_password, clickhouse_password = _keep(data / "redis-password"), _keep(data / "clickhouse-password")
    admin_password = settings.admin_password or _keep(data / "admin-password", 12)
    demo = f"http://127.0.0.1:{settings.demo_port},http://localhost:{settings.demo_port}"
    child = {
        **environ,
        "SPOOR_DATA_DIR": str(data),
        "SPOOR_REDIS_URL": settings.redis_url or f"redis://:{redis_password}@127.0.0.1:{settings.redis_port}/0",
        "SPOOR_CLICKHOUSE_URL": settings.clickhouse_url
        or f"http://spoor:{clickhouse_password}@127.0.0.1:{settings.clickhouse_port}/spoor",
        "SPOOR_SECRET": ",".join(settings.secret) or _keep(data / "secret"),
        "SPOOR_ADMIN_PASSWORD": admin_password,
        "SPOOR_STREAMS": environ.get("SPOOR_STREAMS") or "1",
        "SPOOR_TRACK_PRIVATE_IP_RANGES": environ.get("SPOOR_TRACK_PRIVATE_IP_RANGES") or "true",
        "SPOOR_TRACK_USERS": environ.get("SPOOR_TRACK_USERS") or "true",
        "SPOOR_PUBLICLY_UPDATABLE": environ.get("SPOOR_PUBLICLY_UPDATABLE") or "email",
        "SPOOR_CORS_ORIGINS": ",".join([*settings.cors_origins, demo]),
    }
    for name in ("REDIS_URL", "CLICKHOUSE_URL", "SECRET", "ADMIN_PASSWORD"):
        child.pop(f"SPOOR_{name}_FILE", None)  # what it said is in the plain variable now
    programs = _servers(settings, data, child) + _services(settings, child)
    return Plan(programs, settings, "" if settings.admin_password else admin_password)


def _servers(settings: Settings, data: Path, environ: Mapping[str, str]) -> list[Program]:
    servers = []
    if not settings.redis_url:
        servers.append(
            Program(
                "valkey",
                [
                    *("-m", "deploy.embedded.valkey", "--data-dir", str(data / "valkey")),
                    *("--port", str(settings.redis_port), "--password-file", str(data / "redis-password")),
                    *("--fsync", settings.redis_fsync, "--maxmemory", settings.redis_maxmemory),
                ],
                environ,
                settings.redis_port,
            )
        )
    if not settings.clickhouse_url:
        servers.append(
            Program(
                "clickhouse",
                [
                    *("-m", "deploy.embedded.clickhouse", "--data-dir", str(data / "clickhouse")),
                    *("--port", str(settings.clickhouse_port), "--user", "spoor"),
                    *("--password-file", str(data / "clickhouse-password")),
                ],
                environ,
                settings.clickhouse_port,
            )
        )
    return servers


def _services(settings: Settings, environ: Mapping[str, str]) -> list[Program]:
    """Ingest comes last and so is stopped first: what it accepted is still drained."""
    demo = [
        *("-m", "deploy.demo.app", "--port", str(settings.demo_port)),
        *("--ingest-url", f"http://127.0.0.1:{settings.ingest_port}"),
        *("--contacts-url", f"http://127.0.0.1:{settings.contacts_port}"),
    ]
    return [
        Program("identity", ["-m", "services.identity"], environ, settings.identity_port, "/readyz"),
        Program("contacts", ["-m", "services.contacts"], environ, settings.contacts_port, "/readyz"),
        Program("export", ["-m", "services.export"], environ, settings.export_port, "/readyz"),
        Program("demo", demo, environ, settings.demo_port),
        Program("ingest", ["-m", "services.ingest"], environ, settings.ingest_port, "/readyz"),
    ]


async def _run(plan: Plan) -> int:
    check_ports(plan.programs)
    for name in unknown_settings(os.environ):
        print(f"spoor: {name} is no setting, see .env.example", file=sys.stderr)
    started = time.monotonic()
    logs = Path(plan.programs[0].environ["SPOOR_DATA_DIR"]) / "logs"
    supervisor = Supervisor(plan.programs, logs)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopping.set)
    try:
        starting = asyncio.create_task(_start(supervisor, plan))
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.is_set():
            starting.result()
            _welcome(plan, logs, time.monotonic() - started)
            await stopping.wait()
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError, StartError):
            await starting
    finally:
        print("spoor: stopping", flush=True)
        await supervisor.stop()
    print("spoor: stopped", flush=True)
    return 0


async def _start(supervisor: Supervisor, plan: Plan) -> None:
    """Servers first, since services wait for them; then all services at once."""
    servers = [program for program in plan.programs if not program.ready_path and program.name != "demo"]
    rest = [program for program in plan.programs if program not in servers]
    async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
        await supervisor.start(servers, client, READY_SECONDS)
        await supervisor.start(rest, client, READY_SECONDS)


def _welcome(plan: Plan, logs: Path, seconds: float) -> None:
    settings = plan.settings
    login = f"{settings.admin_user} / {plan.password or 'as set in SPOOR_ADMIN_PASSWORD'}"
    print(
        f"""
Spoor runs (ready after {seconds:.1f} s).

  Demo shop    http://127.0.0.1:{settings.demo_port}/          open it, click, type an e-mail address
  Web pages    http://127.0.0.1:{settings.contacts_port}/          who was there, and their histories
  API          http://127.0.0.1:{settings.contacts_port}/api/contacts   described at /docs
  Identity     http://127.0.0.1:{settings.identity_port}/openapi.json   who is who, for other services
  Exports      http://127.0.0.1:{settings.export_port}/exports
  Tracking     http://127.0.0.1:{settings.ingest_port}/mtc.js

  Login        {login}
  Logs         {logs}

{_for_other_verbs(settings)}Ctrl-C stops everything; the data stay in {settings.data_dir}.
""",
        flush=True,
    )


def _for_other_verbs(settings: Settings) -> str:
    """They look for the embedded servers where the settings say."""
    said = [f"SPOOR_PORT_BASE={settings.port_base}"] if settings.port_base else []
    said += [f"SPOOR_DATA_DIR={settings.data_dir}"] if settings.data_dir != Settings().data_dir else []
    return f"Other verbs find it with {' '.join(said)} in their environment.\n" if said else ""


def _keep(path: Path, length: int = 32) -> str:
    """The secret in this file, made on first use, readable by its owner only."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(length))
        file.flush()
        os.fsync(file.fileno())
    return path.read_text(encoding="utf-8").strip()


if __name__ == "__main__":
    sys.exit(main())
