"""Settings: what is wrong is named, and secrets stay out of the log."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from services.common.settings import PORTS, Settings, SettingsError, example, load_settings, masked, unknown_settings


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"SPOOR_STREAMS": "x"}, "SPOOR_STREAMS: 'x' cannot be read as int"),
        ({"SPOOR_STREAMS": "0"}, "SPOOR_STREAMS"),
        ({"SPOOR_REDIS_FSYNC": "never"}, "SPOOR_REDIS_FSYNC: 'never'"),
        ({"SPOOR_TRACK_PRIVATE_IP_RANGES": "perhaps"}, "SPOOR_TRACK_PRIVATE_IP_RANGES"),
        ({"SPOOR_REDIS_MEMORY_SHARE": "2"}, "SPOOR_REDIS_MEMORY_SHARE"),
        ({"SPOOR_INGEST_PORT": "8081"}, "SPOOR_INGEST_PORT and SPOOR_IDENTITY_PORT are both 8081"),
        ({"SPOOR_SECRET_FILE": "/nowhere"}, "SPOOR_SECRET_FILE: "),
        ({"SPOOR_DEMO_PORT": "99999"}, "SPOOR_DEMO_PORT: 99999"),
        ({"SPOOR_TRUSTED_PROXIES": "10.0.0.0/8,10.0.0.0/99"}, "SPOOR_TRUSTED_PROXIES: '10.0.0.0/99'"),
        ({"SPOOR_DO_NOT_TRACK_IPS": "foo"}, "SPOOR_DO_NOT_TRACK_IPS: 'foo'"),
        ({"SPOOR_CLICKHOUSE_URL": "127.0.0.1:9"}, "SPOOR_CLICKHOUSE_URL must begin with http://"),
        ({"SPOOR_REDIS_URL": "foo"}, "SPOOR_REDIS_URL must begin with redis://"),
        ({"SPOOR_CLICKHOUSE_CLUSTER": "a`b"}, "SPOOR_CLICKHOUSE_CLUSTER: letters"),
        ({"SPOOR_CLICKHOUSE_SHARDED": "true"}, "SPOOR_CLICKHOUSE_SHARDED needs SPOOR_CLICKHOUSE_CLUSTER"),
        ({"SPOOR_LOG_LEVEL": "loud"}, "SPOOR_LOG_LEVEL: 'loud'"),
        ({"SPOOR_GOOGLE_ANALYTICS_ID": "G-1'+alert(1)+'"}, "SPOOR_GOOGLE_ANALYTICS_ID: "),
        ({"SPOOR_GOOGLE_ANALYTICS_URL": "javascript:alert(1)"}, "SPOOR_GOOGLE_ANALYTICS_URL: "),
        ({"SPOOR_FACEBOOK_PIXEL_ID": "x"}, "SPOOR_FACEBOOK_PIXEL_ID: 'x'"),
        ({"SPOOR_FACEBOOK_PIXEL_URL": "https://t.example/'"}, "SPOOR_FACEBOOK_PIXEL_URL: "),
        *(
            ({"SPOOR_ATTACHMENT_SOURCES": one}, "SPOOR_ATTACHMENT_SOURCES: ")
            for one in ("files", "/", "ftp://files.example/", "https://", "https://me@files.example/", "http://x/?a=b")
        ),
        *(
            ({"SPOOR_EXPORT_S3_URL": one}, "SPOOR_EXPORT_S3_URL: ")
            for one in (
                "s3://bucket",
                "https://",
                "https://me:it@s3.example/b",
                "https://s3.example/{a,b}",
                "http://x/b*",
            )
        ),
        ({"SPOOR_EXPORT_S3_URL": "https://s3.example/b", "SPOOR_EXPORT_S3_KEY": "k"}, "SPOOR_EXPORT_S3_SECRET"),
        ({"SPOOR_EXPORT_S3_KEY": "k", "SPOOR_EXPORT_S3_SECRET": "s"}, "SPOOR_EXPORT_S3_KEY needs"),
        ({"SPOOR_ATTACHMENT_MAX_BYTES": "0"}, "SPOOR_ATTACHMENT_MAX_BYTES"),
        ({"SPOOR_PUBLICLY_UPDATABLE": "emial"}, "SPOOR_PUBLICLY_UPDATABLE: 'emial' is no field"),
    ],
)
def test_what_cannot_be_read_is_named(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message.replace("(", r"\(")):
        load_settings(environ)


def test_a_setting_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("new,old\n")
    assert load_settings({"SPOOR_SECRET_FILE": str(tmp_path / "secret")}).secret == ("new", "old")


def test_a_slip_in_a_name_is_found() -> None:
    environ = {"SPOOR_INGETS_PORT": "1", "SPOOR_INGEST_PORT": "1", "SPOOR_SECRET_FILE": "x", "HOME": "/"}
    assert unknown_settings(environ) == ["SPOOR_INGETS_PORT"]


def test_secrets_are_masked() -> None:
    shown = masked(Settings(admin_password="hunter2", secret=("s",), redis_url="redis://:p@h"))
    assert (shown["admin_password"], shown["secret"], shown["redis_url"]) == ("***", "***", "***")
    assert shown["ingest_port"] == 8080


def test_the_example_names_every_setting_and_changes_none() -> None:
    lines = [line.removeprefix("# ") for line in example().splitlines() if line.startswith("# SPOOR_") and "=" in line]
    environ = dict(line.split("=", 1) for line in lines)
    assert len(environ) == len(Settings.__dataclass_fields__)
    assert load_settings(environ) == Settings()


@pytest.mark.parametrize("origin", ["shop.example/x", "https://", "https//shop.example", "https://x.org?a", "a b"])
def test_what_is_no_origin_is_refused_by_name(origin: str) -> None:
    with pytest.raises(SettingsError, match="SPOOR_CORS_ORIGINS"):
        load_settings({"SPOOR_CORS_ORIGINS": origin})


def test_origins_may_be_written_in_several_ways() -> None:
    said = "https://shop.example,shop.example,https://*.shop.example:8443,http://[::1]:80,http://localhost:*,*"
    assert len(load_settings({"SPOOR_CORS_ORIGINS": said}).cors_origins) == 6


def test_a_port_base_gives_every_port_that_is_not_set() -> None:
    settings = load_settings({"SPOOR_PORT_BASE": "9000", "SPOOR_CONTACTS_PORT": "7000"})
    ports = [getattr(settings, name) for name in PORTS]
    assert ports == [9000, 9001, 7000, 9003, 9004, 9005, 9006]


def test_every_port_of_ours_follows_the_port_base() -> None:
    assert set(PORTS) == {field.name for field in dataclasses.fields(Settings) if field.name.endswith("_port")}


@pytest.mark.parametrize("base", ["-1", "65530", "x"])
def test_a_port_base_that_cannot_be_is_named(base: str) -> None:
    with pytest.raises(SettingsError, match="SPOOR_PORT_BASE"):
        load_settings({"SPOOR_PORT_BASE": base})
