"""The services run without any privilege, on code that they cannot write: all that they keep is below their data."""

from __future__ import annotations

from pathlib import Path

from tests.integration.security.conftest import NAMES, Four


def test_every_service_runs_without_capabilities_on_code_that_it_cannot_write(four: Four) -> None:
    for name in NAMES:
        status = Path(f"/proc/{four.processes[name].pid}/status").read_text()
        said = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert (int(said["CapEff"], 16), int(said["CapBnd"], 16), said["NoNewPrivs"]) == (0, 0, "1"), name
        assert four.http[name].get("/readyz").status_code == 200
    assert not list(four.code.rglob("__pycache__"))


def test_what_they_do_needs_no_other_folder(four: Four) -> None:
    api, exports = four.logged_in["contacts"], four.logged_in["export"]
    assert api.post("/api/imports/new?name=a.csv", content=b"email\na@x.org\n",
                    headers={"content-type": "text/csv"}).status_code == 201  # fmt: skip
    downloaded = exports.post("/exports/download", json={"format": "xlsx", "search": "ids:1"})
    assert (downloaded.status_code, downloaded.content[:2]) == (200, b"PK")
