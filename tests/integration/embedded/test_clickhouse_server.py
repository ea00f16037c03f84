"""The embedded ClickHouse as a process: plain HTTP, limits, signals, crashes."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import time
from collections.abc import Iterator

import httpx
import lz4.frame
import pytest

from tests.integration.embedded.conftest import PASSWORD, USER, Server, Start, wait_for_clickhouse
from tests.processes import free_port

ANYONE = httpx.Auth()  # sends no credentials
CREATE = "CREATE TABLE IF NOT EXISTS kept (id UInt64) ENGINE = MergeTree ORDER BY id"


def http(server: Server) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{server.port}", auth=(USER, PASSWORD), timeout=30)


@pytest.fixture(scope="module")
def web(clickhouse: Server) -> Iterator[httpx.Client]:
    with http(clickhouse) as client:
        yield client


def test_says_ok_without_a_query(web: httpx.Client) -> None:
    assert web.get("/").text == "Ok.\n"
    assert web.get("/ping", auth=ANYONE).text == "Ok.\n"


def test_answers_get_and_post(web: httpx.Client) -> None:
    assert web.get("/", params={"query": "SELECT 1 FORMAT CSV"}).text == "1\n"
    assert web.post("/", content="SELECT {x:UInt8}", params={"param_x": "7"}).text == "7\n"
    answer = web.post("/", params={"query": "SELECT 1", "default_format": "JSON", "query_id": "q"})
    assert answer.json()["data"] == [{"1": 1}]
    assert answer.headers["x-clickhouse-query-id"] == "q"
    assert answer.headers["x-clickhouse-format"] == "JSON"
    assert answer.headers["x-clickhouse-timezone"]


def test_get_changes_nothing(web: httpx.Client) -> None:
    answer = web.get("/", params={"query": "CREATE TABLE by_get (a UInt8) ENGINE = Memory"})
    assert answer.headers["x-clickhouse-exception-code"] == "164"


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELECT * FROM nowhere", 404, "60"),
        ("SELECT * FROM no.where", 404, "81"),
        ("SELECT FROM WHERE", 400, "62"),
        ("", 400, "62"),
        ("SELECT {x:UInt8}", 500, "456"),
        ("SELECT sleep(2) SETTINGS max_execution_time = 1, timeout_overflow_mode = 'throw'", 408, "159"),
    ],
)
def test_errors_have_clickhouse_s_status_code_and_text(web: httpx.Client, sql: str, status: int, code: str) -> None:
    answer = web.post("/", content=sql)
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (status, code)
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


def test_nothing_of_a_statement_reaches_the_next(web: httpx.Client) -> None:
    sql = "SELECT {x:String}, getSetting('log_comment'), currentDatabase()"
    said = web.post("/", content=sql, params={"log_comment": "first", "param_x": "1", "database": "system"})
    assert said.text == "1\tfirst\tsystem\n"
    assert web.post("/", content=sql).headers["x-clickhouse-exception-code"] == "456"
    assert web.post("/", content=sql, params={"param_x": "2"}).text == "2\t\tdefault\n"
    web.post("/", content="SET log_comment = 'set'")
    web.post("/", content="CREATE TEMPORARY TABLE mine (a UInt8)")
    assert web.post("/", content=sql, params={"param_x": "3"}).text == "3\t\tdefault\n"
    assert web.post("/", content="SELECT * FROM mine").headers["x-clickhouse-exception-code"] == "60"


def test_connection_that_met_an_error_is_not_used_again(web: httpx.Client) -> None:
    for sql in ("SELECT throwIf(1)", "SELECT throwIf(number = 100000) FROM numbers(200000) FORMAT JSON") * 20:
        assert web.post("/", content=sql).headers["x-clickhouse-exception-code"] == "395"
        assert web.post("/", content="SELECT 1").text == "1\n"


@pytest.mark.parametrize(
    "text", ["a;b", "'; DROP TABLE few; --", "[1]\n\n[2]", "\0\\", "ä€😀", "FORMAT CSV", "x" * 70_000]
)
def test_few_rows_and_many_are_kept_as_they_are(web: httpx.Client, text: str) -> None:
    web.post("/", content="CREATE OR REPLACE TABLE few (id UInt64, text String) ENGINE = MergeTree ORDER BY id")
    rows = "".join(json.dumps([number, text]) + "\n" for number in range(3))
    insert = {"query": "INSERT INTO few (id, text) FORMAT JSONCompactEachRow"}
    assert web.post("/", params=insert, content=rows).status_code == 200
    kept = web.post("/", content="SELECT id, text FROM few ORDER BY id FORMAT JSONCompact").json()["data"]
    assert kept == [[number, text] for number in range(3)]


@pytest.mark.parametrize("rows", ["[1]\n[x]\n", "[1]\n[2", '[1]\n{"a":1}'])
def test_few_rows_that_cannot_be_read_are_refused_whole(web: httpx.Client, rows: str) -> None:
    web.post("/", content="CREATE OR REPLACE TABLE whole (id UInt64) ENGINE = MergeTree ORDER BY id")
    answer = web.post("/", params={"query": "INSERT INTO whole (id) FORMAT JSONCompactEachRow"}, content=rows)
    assert answer.headers["x-clickhouse-exception-code"]
    assert web.post("/", content="SELECT count() FROM whole").text == "0\n"


@pytest.mark.parametrize(
    "name", ["no_such_setting", "max_threads = 1, readonly", "a'b", "max threads", "max_threads;", "ünicode", "a.b"]
)
def test_odd_settings_are_refused(web: httpx.Client, name: str) -> None:
    answer = web.post("/", content="SELECT 1", params={name: "1"})
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (404, "115")


def test_value_of_a_setting_stays_a_value(web: httpx.Client) -> None:
    hostile = "x', readonly = '1"
    answer = web.post("/", content="SELECT getSetting('log_comment')", params={"log_comment": hostile})
    assert answer.text == "x\\', readonly = \\'1\n"


@pytest.mark.parametrize(
    ("headers", "params", "status", "code"),
    [
        ({}, {}, 401, "194"),
        ({"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD}, {}, 200, None),
        ({"X-ClickHouse-User": USER, "X-ClickHouse-Key": "wrong"}, {}, 403, "516"),
        ({"X-ClickHouse-User": "other", "X-ClickHouse-Key": PASSWORD}, {}, 403, "516"),
        ({}, {"user": USER, "password": PASSWORD}, 200, None),
        ({}, {"user": USER, "password": ""}, 403, "516"),
        ({"Authorization": "Basic %%%"}, {}, 403, "516"),
        ({"Authorization": "Basic " + base64.b64encode(b"nobody").decode()}, {}, 403, "516"),
        ({"Authorization": "Bearer x"}, {}, 401, "194"),
    ],
)
def test_only_the_user_is_let_in(
    web: httpx.Client, headers: dict[str, str], params: dict[str, str], status: int, code: str | None
) -> None:
    answer = web.post("/", content="SELECT 1", headers=headers, params=params, auth=ANYONE)
    assert (answer.status_code, answer.headers.get("x-clickhouse-exception-code")) == (status, code)


def test_body_of_several_frames_is_read_whole(web: httpx.Client) -> None:
    web.post("/", content="CREATE TABLE frames (id UInt64) ENGINE = Memory")
    body = b"".join(lz4.frame.compress(b"%d\n" % number) for number in range(100))
    params = {"query": "INSERT INTO frames FORMAT TSV"}
    assert web.post("/", params=params, content=body, headers={"Content-Encoding": "lz4"}).status_code == 200
    assert web.post("/", content="SELECT count(), sum(id) FROM frames").text == "100\t4950\n"


@pytest.mark.parametrize("body", [b"", b"nonsense", lz4.frame.compress(b"1\n" * 1000)[:-9]])
def test_damaged_body_inserts_nothing(web: httpx.Client, body: bytes) -> None:
    web.post("/", content="CREATE TABLE IF NOT EXISTS damaged (id UInt64) ENGINE = Memory")
    params = {"query": "INSERT INTO damaged FORMAT TSV"}
    answer = web.post("/", params=params, content=body, headers={"Content-Encoding": "lz4"})
    assert answer.status_code == (400 if body else 200)
    assert web.post("/", content="SELECT count() FROM damaged").text == "0\n"


def test_error_in_the_midst_of_an_answer_leaves_it_unfinished(web: httpx.Client) -> None:
    sql = "SELECT throwIf(number = 5000000) FROM numbers(10000000) FORMAT CSV"
    with pytest.raises(httpx.RemoteProtocolError):
        web.post("/", content=sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM numbers(600000000000) WHERE number % 7 = 3",  # before its first block
        "SELECT number FROM numbers(600000000000) WHERE (number * 3) % 1799999999997 = 0",  # between two far blocks
        "SELECT number, repeat('x', 1000) FROM numbers(600000000000)",  # faster than it is read
        "SELECT count() FROM numbers(600000000000) WHERE number % 7 = 3 FORMAT JSON",  # not streamed
    ],
)
def test_query_stops_when_its_client_leaves(clickhouse: Server, sql: str) -> None:
    with http(clickhouse) as leaving, pytest.raises(httpx.ReadTimeout):
        _read_a_little(leaving, sql)
    assert _settles(clickhouse)


def _read_a_little(client: httpx.Client, sql: str) -> None:
    with client.stream("POST", "/", content=sql, timeout=0.5) as answer:
        for _ in answer.iter_raw():
            if "repeat" in sql:
                raise httpx.ReadTimeout("read enough")


def _settles(server: Server) -> bool:
    """Whether the process comes to rest: nothing is left that computes."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        before, started = _cpu_seconds(server), time.monotonic()
        while time.monotonic() < started + 0.3:
            signal.sigtimedwait([], 0.05)
        if _cpu_seconds(server) - before < 0.1:
            return True
    return False


def _cpu_seconds(server: Server) -> float:
    with open(f"/proc/{server.process.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_acknowledged_rows_outlive_a_kill(start: Start) -> None:
    server = start("clickhouse")
    wait_for_clickhouse(server)
    with http(server) as client:
        assert client.post("/", content=CREATE).status_code == 200
        rows = "\n".join(str(number) for number in range(50_000))
        assert client.post("/", params={"query": "INSERT INTO kept FORMAT TSV"}, content=rows).status_code == 200
        server.stop(signal.SIGKILL)
    server.start()
    wait_for_clickhouse(server)
    with http(server) as client:
        assert client.post("/", content="SELECT count() FROM kept").text == "50000\n"
    assert server.stop() == 0


def test_starts_fast_and_stops_clean_in_the_midst_of_work(start: Start) -> None:
    server = start("clickhouse")
    wait_for_clickhouse(server)
    assert (
        _cpu_seconds(server) < 2.5
    )  # 0.4 on a quiet machine; what others take of a busy one is no fault of the server
    with http(server) as client, client.stream("POST", "/", content="SELECT * FROM numbers(1e11) FORMAT CSV") as answer:
        next(answer.iter_raw())
        assert server.stop() == 0
    assert server.errors() == ""


def test_second_process_on_the_directory_says_why_it_refuses(clickhouse: Server) -> None:
    command = [*clickhouse.command(), "--port", str(free_port())]
    second = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == 1
    assert second.stderr == f"clickhouse: {clickhouse.data_dir} is in use by another ClickHouse process\n"


def test_port_in_use_is_said(clickhouse: Server, start: Start) -> None:
    server = start("clickhouse", "--port", str(clickhouse.port))
    assert server.process.wait(20) == 1
    assert server.errors().startswith(f"clickhouse: cannot listen on 127.0.0.1:{clickhouse.port}")


def test_limits(start: Start) -> None:
    server = start("clickhouse", "--max-body-mb", "1", "--max-running", "1", "--max-waiting", "0")
    wait_for_clickhouse(server)
    with http(server) as client, http(server) as second:
        assert client.post("/", content="SELECT '" + "x" * (2 << 20) + "'").status_code == 413
        bomb = lz4.frame.compress(b"1\n" * (10 << 20))
        headers = {"Content-Encoding": "lz4"}
        params = {"query": "INSERT INTO x FORMAT TSV"}
        assert client.post("/", params=params, content=bomb, headers=headers).status_code == 413
        with client.stream("POST", "/", content="SELECT * FROM numbers(1e11) FORMAT CSV"):
            answer = second.post("/", content="SELECT 1")
            assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (503, "202")
