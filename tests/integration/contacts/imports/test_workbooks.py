"""Workbooks of Excel, and files that are made to do harm: read, or refused with a word on why."""

from __future__ import annotations

import csv
import io
import struct
import uuid
import zipfile
from datetime import date, datetime
from pathlib import Path

import httpx
import pytest
from rustpy_xlsxwriter import write_worksheet, write_worksheets

from services.contacts.imports import workbook
from tests.integration.contacts.imports.importing import counts, fields, imported, of_email, table, uploaded


def some() -> str:
    return uuid.uuid4().hex[:12]


def test_a_workbook_is_imported(api: httpx.Client, tmp_path: Path) -> None:
    key = some()
    people = [
        {"Email": f"{key}{number}@x.org", "Zip Code": "01234", "City": "Łódź", "Date added": datetime(2020, 1, 31, 10),
         "Points": 7.0}
        for number in range(3)
    ]  # fmt: skip
    write_worksheet(people, str(tmp_path / "people.xlsx"), sheet_name="People")
    done = imported(api, (tmp_path / "people.xlsx").read_bytes(), "people.xlsx")
    assert (done["name"], counts(done)) == ("people.xlsx", (3, 0, 0))
    contact = of_email(api, f"{key}2@x.org")
    assert (contact["points"], fields(contact)["zipcode"], fields(contact)["city"]) == (7, "01234", "Łódź")
    assert contact["dateAdded"].startswith("2020-01-31T10:00:00")


def test_sheets_of_one_table_are_read_one_behind_the_other(tmp_path: Path) -> None:
    header, other = {"email": "a@x.org", "size": 1.5}, {"notes": "none of this"}
    sheets = [("First", [header]), ("Other", [other]), ("Second", [{"email": "b@x.org", "size": 2.0}])]
    write_worksheets(sheets, str(tmp_path / "many.xlsx"))
    text = io.StringIO()
    workbook.write_csv(tmp_path / "many.xlsx", text)
    assert list(csv.reader(io.StringIO(text.getvalue()))) == [["email", "size"], ["a@x.org", "1.5"], ["b@x.org", "2"]]


@pytest.mark.parametrize(
    ("cell", "text"),
    [(7.0, "7"), (1e20, "1e+20"), (0.1, "0.1"), (True, "true"), (date(2020, 1, 31), "2020-01-31"),
     (datetime(2020, 1, 31), "2020-01-31"), (datetime(2020, 1, 31, 5), "2020-01-31 05:00:00"), ("01", "01")],
)  # fmt: skip
def test_cells_are_as_people_see_them(cell: object, text: str) -> None:
    assert workbook.as_text(cell) == text


def bomb(path: Path, megabytes: int) -> bytes:
    """A sheet of so many megabytes of nothing, which takes a thousandth of that."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            for _ in range(megabytes):
                sheet.write(b" " * (1 << 20))
    return path.read_bytes()


def test_a_workbook_that_unpacks_to_far_too_much_is_refused(api: httpx.Client, tmp_path: Path) -> None:
    data = bomb(tmp_path / "bomb.xlsx", 2_100)
    assert len(data) < 4 << 20
    answer = api.post("/api/imports/new", content=data)
    assert answer.status_code == 400
    assert "larger than 2 GiB: save it as CSV" in answer.text


def test_a_workbook_that_lies_about_its_size_is_refused(api: httpx.Client, tmp_path: Path) -> None:
    data = bytearray(bomb(tmp_path / "liar.xlsx", 50))
    place = data.rfind(b"PK\x01\x02")  # the entry of the sheet
    struct.pack_into("<I", data, place + 24, 1_000)
    answer = api.post("/api/imports/new", content=bytes(data))
    assert answer.status_code == 400
    assert "no workbook of Excel" in answer.text


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 500])
def test_what_is_no_workbook_is_refused(api: httpx.Client, data: bytes) -> None:
    assert api.post("/api/imports/new", content=data).status_code == 400


def test_a_line_of_100_megabytes_costs_itself(api: httpx.Client) -> None:
    key = some()
    data = table(["email", "city"], [f"{key}1@x.org", "Rome"]) + b"x" * 100_000_000
    data += f"\n{key}2@x.org,Oslo\n".encode()
    done = imported(api, data)
    assert counts(done) == (2, 0, 1)
    assert [(one["line"], "longer than" in one["error"]) for one in done["failures"]] == [(3, True)]


def test_nul_and_broken_letters_cost_no_other_row(api: httpx.Client) -> None:
    key = some()
    data = f"email,city\n{key}1@x.org,R\0ome\n".encode() + f"{key}2@x.org,".encode() + b"K\xf6ln\n"
    data += f"{key}3@x.org,Łódź\n{key}4@x.org,Öland\n{key}5@x.org,Århus\n".encode()
    done = imported(api, data)
    assert (counts(done), done["parser"]["encoding"]) == ((4, 0, 1), "utf-8")
    assert done["failures"][0]["line"] == 3
    assert fields(of_email(api, f"{key}1@x.org"))["city"] == "Rome"
    told = api.get(f"/api/imports/{done['id']}/failed").content
    assert b"K\xf6ln" in told, "as it was, for whoever knows what it means"


def test_a_file_with_thousands_of_columns_is_refused(api: httpx.Client) -> None:
    answer = api.post("/api/imports/new", content=b",".join(b"c%d" % number for number in range(2_001)) + b"\n")
    assert answer.status_code == 400
    assert "2,000 columns" in answer.text


def test_words_of_sql_are_words(api: httpx.Client) -> None:
    key = some()
    evil = "'); DROP TABLE contacts; -- \\' {id:UInt64} \t %s <script>"
    made = uploaded(api, table(["email", "{id:UInt64}')--"], [f"{key}@x.org", "x"]), f"{evil}.csv")
    assert made["columns"][1]["header"] == "{id:UInt64}')--"
    assert counts(imported(api, table(["email", "city"], [f"{key}@x.org", evil]))) == (1, 0, 0)
    assert fields(of_email(api, f"{key}@x.org"))["city"] == evil
