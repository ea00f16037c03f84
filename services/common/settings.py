"""The settings of all services: environment variables `SPOOR_*`, each also readable from the file `SPOOR_*_FILE` names.

`python -m services.common.settings` prints them as `.env.example`.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

from services.common.contact_fields import TOLD_FIELDS

PREFIX = "SPOOR_"
# In the order in which they follow SPOOR_PORT_BASE.
PORTS = ("ingest_port", "identity_port", "contacts_port", "export_port", "demo_port", "redis_port", "clickhouse_port")
# They go into a script: no quote, no blank, nothing to break out with.
_PUBLIC_URL = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]+)?/?", re.ASCII)
_ATTACHMENT_SOURCE = re.compile(rf"/[^\s?#\\]+|{_PUBLIC_URL.pattern}(/[^\s?#\\]*)?", re.ASCII)
# It goes into a table function of ClickHouse: nothing that it would take for a pattern.
_BUCKET_URL = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?", re.ASCII)
_ORIGIN = re.compile(r"\*|(https?://)?[A-Za-z0-9.*_-]+(:[0-9*]+)?/?|https?://\[[0-9a-fA-F:.]+\](:[0-9*]+)?/?")
_SCRIPT_URL = r"https?://[A-Za-z0-9._~:/@%+-]+"
_SCRIPT_PATTERNS = {
    "google_analytics_id": r"[A-Z]{1,3}-[A-Z0-9]{1,20}(?:-[0-9]{1,4})?",
    "google_analytics_url": _SCRIPT_URL,
    "facebook_pixel_id": r"[0-9]{5,20}",
    "facebook_pixel_url": _SCRIPT_URL,
}


MIN_TOKEN_LENGTH = 16


class SettingsError(Exception):
    """A setting that is missing or cannot be read; the message names it."""


def _setting(default: Any, doc: str, *, is_secret: bool = False) -> Any:
    return dataclasses.field(default=default, metadata={"doc": doc, "is_secret": is_secret})


@dataclasses.dataclass(frozen=True)
class Settings:
    """All settings of one process, with their defaults. Tuples are comma lists."""

    data_dir: str = _setting(".data", "Where the embedded servers and exports keep their files.")
    redis_url: str = _setting(
        "", "redis://, rediss:// or redis+cluster://. Empty: `./just up` starts an embedded server.", is_secret=True
    )
    clickhouse_url: str = _setting(
        "", "http://user:password@host:port/database. Empty: `./just up` starts an embedded one.", is_secret=True
    )
    clickhouse_cluster: str = _setting(
        "",
        "Name of a ClickHouse cluster (remote_servers): tables are made on all its servers, with replicated engines. "
        "Fixed for the life of an installation. Empty: one server.",
    )
    clickhouse_sharded: bool = _setting(
        False,
        "Its servers are of several shards: Distributed tables span them. What does not work then: docs/kubernetes.md.",
    )
    host: str = _setting("127.0.0.1", "The address that the services listen on; 0.0.0.0 in a container.")
    port_base: int = _setting(
        0, "Where it is set, the ports below that are not are this one and those after it, in their order."
    )
    ingest_port: int = _setting(8080, "Port of ingest, the public one.")
    identity_port: int = _setting(8081, "Port of identity.")
    contacts_port: int = _setting(8082, "Port of contacts.")
    export_port: int = _setting(8083, "Port of export.")
    demo_port: int = _setting(8084, "Port of the demo page of `./just up`.")
    redis_port: int = _setting(6390, "Port of the embedded Redis.")
    clickhouse_port: int = _setting(8124, "Port of the embedded ClickHouse interface.")
    redis_fsync: str = _setting("always", "Fsync level of the embedded Redis: always or everysec.")
    redis_wait_replicas: int = _setting(
        0, "Replicas that must have a write before it counts (WAIT), of each master. 0: the master's word is enough."
    )
    redis_wait_seconds: float = _setting(1.0, "How long they are waited for; then 503, or the hit is spilled.")
    redis_maxmemory: str = _setting("2gb", "Memory bound of the embedded Redis.")
    admin_user: str = _setting("admin", "Login of the APIs.")
    admin_password: str = _setting("", "Its password. Empty: `./just up` generates one and prints it.", is_secret=True)
    secret: tuple[str, ...] = _setting(
        (),
        "Keys the device ids and all signatures; older secrets may follow the first. Required with SPOOR_REDIS_URL; "
        "else generated into the data directory.",
        is_secret=True,
    )
    cors_origins: tuple[str, ...] = _setting(
        (), "Origins whose scripts may read answers: exact (https://shop.example) or with * (https://*.shop.example)."
    )
    publicly_updatable: tuple[str, ...] = _setting(
        (), "Contact fields that a hit may set, and identify by: email. `./just up` allows email."
    )
    unique_fields: tuple[str, ...] = _setting(
        ("email",),
        "Contact fields that identify: a value of one belongs to one contact. The fields API may add others; then "
        "`./just dedupe --apply` claims the values that are there, and merges who shares one.",
    )
    unique_operator: str = _setting(
        "and",
        "Of several unique values given at once: and, whoever holds one must not contradict another; or, any holder.",
    )
    max_identifiers: int = _setting(1_000, "How many contacts may merge into one; further merges are queued.")
    max_merges_a_minute: int = _setting(100, "How many of them in a minute; further merges are queued.")
    companies_from_hits: bool = _setting(
        True, "A hit that names a company (company=Acme) makes or updates it and joins its contact to it."
    )
    identify_secret: tuple[str, ...] = _setting(
        (), "Shared with a site that signs the addresses it sends: see docs/tracking.md.", is_secret=True
    )
    require_signed_identify: bool = _setting(
        False, "Hits identify by a signed address only. Forms and servers with a write key are not asked for one."
    )
    unsigned_clickthrough: bool = _setting(
        False, "Believe the unsigned ct of the replaced product too. Anybody can make one up."
    )
    pass_clickthrough: bool = _setting(
        False, "Hand ct on to the page that a tracked link leads to, whose script then sends it."
    )
    track_private_ip_ranges: bool = _setting(False, "Track visitors with private addresses too. `./just up` does.")
    trusted_proxies: tuple[str, ...] = _setting(
        (), "Networks (CIDR) of proxies whose X-Forwarded-For is believed. Empty: the peer is the visitor."
    )
    do_not_track_ips: tuple[str, ...] = _setting((), "Addresses or networks (CIDR) whose hits are dropped.")
    track_users: bool = _setting(
        False, "Track visits of those who are logged in to our own pages too. `./just up` does, for its walk."
    )
    respect_gpc: bool = _setting(True, "Drop hits of browsers that send Sec-GPC: 1 (Global Privacy Control).")
    respect_dnt: bool = _setting(True, "Drop hits of browsers that send DNT: 1 (Do Not Track).")
    bots: tuple[str, ...] = _setting(
        (), "Words of User-Agents that are bots, beside the maintained list of crawlers. Case matters."
    )
    not_bots: tuple[str, ...] = _setting((), "Words of User-Agents that are no bots, whatever the list says.")
    anonymize_ip: bool = _setting(
        False, "Store visitors' addresses without their last part: the /24 of a v4, the /48 of a v6 address."
    )
    api_tokens: tuple[str, ...] = _setting(
        (),
        "Tokens with which other services call our APIs (Authorization: Bearer), beside the admin's login: each of 16 "
        "characters or more, perhaps with a name for the audit before it (billing:...).",
        is_secret=True,
    )
    api_enabled: bool = _setting(True, "Whether /api of the contacts service answers at all.")
    api_enable_basic_auth: bool = _setting(True, "Whether it takes user and password (HTTP Basic) beside tokens.")
    api_oauth2_access_token_lifetime: int = _setting(60, "Minutes for which an OAuth2 access token holds.")
    api_oauth2_refresh_token_lifetime: int = _setting(14, "Days for which an OAuth2 refresh token holds.")
    api_rate_limiter_limit: int = _setting(
        0, "Requests that one user or token may make of the APIs of contacts and export in a window. 0: no limit."
    )
    api_rate_limiter_seconds: int = _setting(3_600, "The length of that window.")
    export_url: str = _setting(
        "",
        "Export as its users reach it, for links in mails: https://export.example.com. Empty: no mails about exports.",
    )
    export_limit: int = _setting(1_000_000, "Rows that one export may have. 0: any number.")
    export_days: float = _setting(7.0, "Days after which the file of an export is removed. 0: it stays.")
    export_s3_url: str = _setting(
        "",
        "A bucket of an S3-compatible store, perhaps a folder in it, as ClickHouse reaches it: "
        "https://bucket.s3.eu-central-1.amazonaws.com/exports or https://minio.example.com:9000/bucket. Empty: exports "
        "go to the data directory only.",
    )
    export_s3_key: str = _setting(
        "",
        "Its access key. Empty: ClickHouse uses what its own configuration has for that address.",
        is_secret=True,
    )
    export_s3_secret: str = _setting("", "The secret of that key.", is_secret=True)
    write_keys: tuple[str, ...] = _setting(
        (), "Secrets with which servers report events to /v1/batch, beside the admin's login.", is_secret=True
    )
    batch_events_per_second: int = _setting(
        0, "Events a second that one write key may report to one ingest process; 0 for no limit. Beyond it: 429."
    )
    image_max_bytes: int = _setting(1_048_576, "The largest picture that is taken for a contact, in bytes.")
    import_max_bytes: int = _setting(4_294_967_296, "The largest file that contacts are imported from, in bytes.")
    import_days: float = _setting(
        30.0,
        "Days after which a file that nobody imports, and the failed rows of an import, are removed; 0: never.",
    )
    job_contacts_per_second: int = _setting(
        500, "Contacts a second at most that are deleted or changed by jobs, beside all else: see /api/jobs."
    )
    retention_days: int = _setting(
        1_095,
        "How long events are kept; `./just prune` removes older ones. Older times reported to /v1/batch become so old.",
    )
    anonymous_retention_days: int = _setting(
        0, "`./just prune` removes anonymous visitors who were not seen for so long, with all of theirs; 0: nobody."
    )
    path_aliases: tuple[str, ...] = _setting(
        (),
        "Other names for the script's paths, which ad blockers know: /a.js=/mtc.js,/e=/mtc/event,/p.gif=/mtracking.gif,"
        "/i=/mtc,/c=/mtc/consent. The script then uses the first one of each; the paths themselves stay.",
    )
    script_spa: bool = _setting(False, "The script counts navigation within single-page apps, on every page.")
    script_cookieless: bool = _setting(False, "The script keeps nothing in the browser, on every page.")
    script_consent_required: bool = _setting(
        False, "The script sends and keeps nothing before mt('consent', 'grant'), on every page."
    )
    google_analytics_id: str = _setting("", "The script starts Google Analytics with this id: G-ABC123. Empty: not.")
    google_analytics_anonymize_ip: bool = _setting(False, "Asks Google Analytics to cut the visitor's address.")
    google_analytics_url: str = _setting("https://www.googletagmanager.com/gtag/js", "Where its library is.")
    facebook_pixel_id: str = _setting("", "The script starts Facebook's pixel with this number. Empty: not.")
    facebook_pixel_url: str = _setting("https://connect.facebook.net/en_US/fbevents.js", "Where its library is.")
    segment_seconds: float = _setting(
        20.0, "How long after a comparison of all segments the next one begins: who came into one or left it is told."
    )
    webhook_origin: str = _setting("", "Our address as receivers of webhooks are told it (X-Origin-Base-URL).")
    webhook_private_addresses: bool = _setting(
        False, "Webhooks may lead to private, loopback and link-local addresses too."
    )
    webhook_limit: int = _setting(10, "The most items of one trigger in one request of a webhook.")
    webhook_timeout_seconds: float = _setting(15.0, "How long a receiver of a webhook is waited for.")
    webhook_disable_limit: int = _setting(100, "Failures in a row after which a webhook is switched off.")
    webhook_max_queued: int = _setting(
        10_000, "What may wait for one webhook, about 1 KB each; beyond it the oldest gives way, counted."
    )
    streams: int = _setting(16, "Number of hit streams, fixed for the life of an installation; `./just up` uses 1.")
    max_buffered_hits: int = _setting(
        20_000, "Hits that one ingest worker holds while Redis hangs, and 4 KB for each of them in all; then 503."
    )
    redis_memory_share: float = _setting(0.75, "Ingest answers 503 above this share of Redis' maxmemory.")
    spill_dir: str = _setting(
        "",
        "A folder that outlives ingest: hits that Redis does not take wait there instead of a 503. Empty: none do.",
    )
    spill_max_bytes: int = _setting(1_000_000_000, "What may wait there, of all ingest processes that share it.")
    batch_hits: int = _setting(20_000, "The most hits that a resolver handles at once.")
    batch_seconds: float = _setting(0.5, "The shortest time between two inserts of a resolver under load.")
    hot_hits: int = _setting(
        1_000, "Hits of one device, or of one contact, that are stored with a batch; more wait apart from the others."
    )
    lease_seconds: float = _setting(10.0, "How long a dead resolver's streams wait for a successor.")
    geo_database: tuple[str, ...] = _setting(
        (),
        "City databases in MaxMind's format (.mmdb), also DB-IP's, which has a file each for v4 and v6. Empty: places "
        "of visitors are not looked up.",
    )
    smtp_url: str = _setting(
        "",
        "The server that takes mails: smtp://user:password@host:587 (with STARTTLS where that is offered) or "
        "smtps://host:465. Empty: none are sent.",
        is_secret=True,
    )
    mail_from: str = _setting("", "Who mails are from unless somebody else is: Shop <shop@example.com>.")
    public_url: str = _setting(
        "", "Ingest as browsers reach it, for links in mails: https://track.example.com. Needed to send mails."
    )
    export_inner_url: str = _setting(
        "", "Export as the web pages reach it: http://export:8083. Empty: on this machine, at its port."
    )
    gravatar: bool = _setting(
        False, "The web pages show pictures of Gravatar, which is told a hash of each address that is looked at."
    )
    attachment_sources: tuple[str, ...] = _setting(
        (),
        "Where files of mails may come from: directories, and addresses below which all may be fetched: "
        "/srv/files,https://files.example.com/mails. Empty: none are attached.",
    )
    attachment_max_bytes: int = _setting(5_242_880, "How large all files of one mail may be together, in bytes.")
    log_level: str = _setting("info", "debug, info, warning or error.")


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings as the environment says. Raises `SettingsError` with the variable's name."""
    types = get_type_hints(Settings)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Settings):
        name = PREFIX + field.name.upper()
        text = _read(environ, name)
        if text is not None and text != "":
            values[field.name] = _parse(name, text, types[field.name])
    settings = Settings(**{**_ports_from(values.get("port_base", 0)), **values})
    _check(settings)
    return settings


def _ports_from(base: int) -> dict[str, int]:
    """The ports that count where no setting of their own says otherwise."""
    if base and not 0 < base <= 65_536 - len(PORTS):
        raise SettingsError(f"SPOOR_PORT_BASE: {base} is none: {len(PORTS)} ports begin there")
    return {name: base + number for number, name in enumerate(PORTS)} if base else {}


def unknown_settings(environ: Mapping[str, str]) -> list[str]:
    """Variables that look like ours and are none: a slip, or another program's (Kubernetes makes SPOOR_*_PORT_*)."""
    known = {PREFIX + field.name.upper() + suffix for field in dataclasses.fields(Settings) for suffix in ("", "_FILE")}
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)


def masked(settings: Settings) -> dict[str, Any]:
    """The settings for the log, without what must stay secret."""
    return {
        field.name: "***" if field.metadata["is_secret"] and getattr(settings, field.name) else
        getattr(settings, field.name)
        for field in dataclasses.fields(settings)
    }  # fmt: skip


def example() -> str:
    """The text of `.env.example`."""
    blocks = [
        "# Every setting of Spoor with its default, written by `./just env-example`.\n"
        "# Each may also be given as a file: SPOOR_SECRET_FILE=/run/secrets/spoor, say.\n"
    ]
    for field in dataclasses.fields(Settings):
        doc = "\n".join(textwrap.wrap(field.metadata["doc"], 100, initial_indent="# ", subsequent_indent="# "))
        blocks.append(f"{doc}\n# {PREFIX}{field.name.upper()}={_as_text(field.default)}\n")
    return "\n".join(blocks)


def _read(environ: Mapping[str, str], name: str) -> str | None:
    path = environ.get(f"{name}_FILE")
    if not path:
        return environ.get(name)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{name}_FILE: {error}") from error


def _parse(name: str, text: str, kind: Any) -> Any:
    try:
        if kind is bool:
            return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
        if kind == tuple[str, ...]:
            return tuple(part.strip() for part in text.split(",") if part.strip())
        return kind(text)
    except (KeyError, ValueError) as error:
        raise SettingsError(f"{name}: {text!r} cannot be read as {getattr(kind, '__name__', kind)}") from error


def _check(settings: Settings) -> None:
    if settings.redis_fsync not in ("always", "everysec"):
        raise SettingsError(f"SPOOR_REDIS_FSYNC: {settings.redis_fsync!r} is neither always nor everysec")
    if settings.redis_wait_replicas < 0 or not 0 < settings.redis_wait_seconds <= 4:
        raise SettingsError(
            "SPOOR_REDIS_WAIT_REPLICAS must not be below 0, and SPOOR_REDIS_WAIT_SECONDS above 0 and at most 4"
        )
    if settings.retention_days < 1 or settings.batch_events_per_second < 0:
        raise SettingsError("SPOOR_RETENTION_DAYS must be at least 1, and SPOOR_BATCH_EVENTS_PER_SECOND not below 0")
    if settings.anonymous_retention_days < 0:
        raise SettingsError("SPOOR_ANONYMOUS_RETENTION_DAYS must not be below 0")
    if settings.streams < 1 or settings.batch_hits < 1 or settings.max_buffered_hits < 1 or settings.hot_hits < 1:
        raise SettingsError(
            "SPOOR_STREAMS, SPOOR_BATCH_HITS, SPOOR_HOT_HITS and SPOOR_MAX_BUFFERED_HITS must be at least 1"
        )
    if min(settings.webhook_limit, settings.webhook_disable_limit, settings.webhook_max_queued) < 1:
        raise SettingsError(
            "SPOOR_WEBHOOK_LIMIT, SPOOR_WEBHOOK_DISABLE_LIMIT and SPOOR_WEBHOOK_MAX_QUEUED must be at least 1"
        )
    if not 0 < settings.segment_seconds <= 3_600:
        raise SettingsError("SPOOR_SEGMENT_SECONDS must be above 0 and at most 3600")
    if not 0 < settings.webhook_timeout_seconds <= 60:
        raise SettingsError("SPOOR_WEBHOOK_TIMEOUT_SECONDS must be above 0 and at most 60")
    ports: dict[int, str] = {}
    for name in (field.name for field in dataclasses.fields(settings) if field.name.endswith("_port")):
        port = getattr(settings, name)
        if not 0 < port < 65_536:
            raise SettingsError(f"SPOOR_{name.upper()}: {port} is no port")
        if port in ports:
            raise SettingsError(f"SPOOR_{ports[port].upper()} and SPOOR_{name.upper()} are both {port}")
        ports[port] = name
    if not 0 < settings.redis_memory_share <= 1:
        raise SettingsError("SPOOR_REDIS_MEMORY_SHARE must be above 0 and at most 1")
    for name, networks in (
        ("SPOOR_TRUSTED_PROXIES", settings.trusted_proxies),
        ("SPOOR_DO_NOT_TRACK_IPS", settings.do_not_track_ips),
    ):
        for network in networks:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError as error:
                raise SettingsError(f"{name}: {error}") from error
    for origin in settings.cors_origins:
        if not _ORIGIN.fullmatch(origin):
            raise SettingsError(f"SPOOR_CORS_ORIGINS: {origin!r} is none: a scheme, a host, perhaps a port, no path")
    for name, url, schemes in (
        ("SPOOR_REDIS_URL", settings.redis_url, ("redis://", "rediss://", "redis+cluster://")),
        ("SPOOR_CLICKHOUSE_URL", settings.clickhouse_url, ("http://", "https://")),
    ):
        if url and not url.startswith(schemes):
            raise SettingsError(f"{name} must begin with {' or '.join(schemes)}")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", settings.clickhouse_cluster, re.ASCII):
        raise SettingsError("SPOOR_CLICKHOUSE_CLUSTER: letters, digits, _ and -")
    if settings.clickhouse_sharded and not settings.clickhouse_cluster:
        raise SettingsError("SPOOR_CLICKHOUSE_SHARDED needs SPOOR_CLICKHOUSE_CLUSTER")
    _check_mail(settings)
    _check_bucket(settings)
    if settings.require_signed_identify and not settings.identify_secret:
        raise SettingsError("SPOOR_REQUIRE_SIGNED_IDENTIFY needs SPOOR_IDENTIFY_SECRET")
    for name, pattern in _SCRIPT_PATTERNS.items():
        value = getattr(settings, name)
        if value and not re.fullmatch(pattern, value):
            raise SettingsError(f"SPOOR_{name.upper()}: {value!r} may not go into the script")
    if settings.log_level.lower() not in ("debug", "info", "warning", "error"):
        raise SettingsError(f"SPOOR_LOG_LEVEL: {settings.log_level!r} is none of debug, info, warning, error")
    for name, fields in (
        ("SPOOR_PUBLICLY_UPDATABLE", settings.publicly_updatable),
        ("SPOOR_UNIQUE_FIELDS", settings.unique_fields),
    ):
        if unknown := set(fields) - set(TOLD_FIELDS):
            raise SettingsError(f"{name}: {min(unknown)!r} is no field of a contact")
    if settings.unique_operator.lower() not in ("and", "or"):
        raise SettingsError(f"SPOOR_UNIQUE_OPERATOR: {settings.unique_operator!r} is neither and nor or")
    if settings.max_identifiers < 1 or settings.max_merges_a_minute < 1:
        raise SettingsError("SPOOR_MAX_IDENTIFIERS and SPOOR_MAX_MERGES_A_MINUTE must be at least 1")
    if any(len(token.rpartition(":")[2]) < MIN_TOKEN_LENGTH for token in settings.api_tokens):
        raise SettingsError(f"SPOOR_API_TOKENS: a token has at least {MIN_TOKEN_LENGTH} characters")


def _check_mail(settings: Settings) -> None:
    for source in settings.attachment_sources:
        if not _ATTACHMENT_SOURCE.fullmatch(source):
            raise SettingsError(f"SPOOR_ATTACHMENT_SOURCES: {source!r} is neither an absolute path nor a plain address")
    if settings.attachment_max_bytes < 1:
        raise SettingsError("SPOOR_ATTACHMENT_MAX_BYTES must be at least 1")
    for name in ("public_url", "export_url"):
        if (said := getattr(settings, name)) and not _PUBLIC_URL.fullmatch(said):
            raise SettingsError(f"SPOOR_{name.upper()}: a scheme, a host, perhaps a port, no path")
    if not settings.smtp_url:
        return
    if not settings.smtp_url.startswith(("smtp://", "smtps://")):
        raise SettingsError("SPOOR_SMTP_URL must begin with smtp:// or smtps://")
    if not settings.public_url or "@" not in settings.mail_from:
        raise SettingsError("SPOOR_SMTP_URL needs SPOOR_MAIL_FROM, an address, and SPOOR_PUBLIC_URL")


def _check_bucket(settings: Settings) -> None:
    if settings.export_s3_url and not _BUCKET_URL.fullmatch(settings.export_s3_url):
        raise SettingsError("SPOOR_EXPORT_S3_URL: a scheme, a host, perhaps a port, and a path of plain characters")
    if bool(settings.export_s3_key) != bool(settings.export_s3_secret):
        raise SettingsError("SPOOR_EXPORT_S3_KEY and SPOOR_EXPORT_S3_SECRET need each other")
    if settings.export_s3_key and not settings.export_s3_url:
        raise SettingsError("SPOOR_EXPORT_S3_KEY needs SPOOR_EXPORT_S3_URL")


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    print(example(), end="")
