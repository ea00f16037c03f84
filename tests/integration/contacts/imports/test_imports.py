"""Contacts from files, from the upload to their histories."""

from __future__ import annotations

import csv
import io
import uuid
from typing import Any

import httpx
import pytest

from tests.integration.contacts.imports.importing import (
    counts,
    edited,
    fields,
    imported,
    of_email,
    started,
    table,
    uploaded,
    waited,
)
from tests.processes import eventually


def some() -> str:
    return uuid.uuid4().hex[:12]


def test_a_file_is_looked_at_mapped_and_imported(api: httpx.Client) -> None:
    key = some()
    data = "E-Mail;Vorname;City\n" + f"{key}a@x.org;Zoë;Köln\n{key}b@x.org;Jörg;\n"
    made = uploaded(api, data.encode("cp1252"), "C:\\lists\\fair.csv")
    assert (made["name"], made["status"], made["lineCount"]) == ("fair.csv", "draft", 3)
    assert made["parser"] == {"delimiter": ";", "quote": '"', "escape": "", "encoding": "cp1252"}
    assert [one["field"] for one in made["columns"]] == ["email", None, "city"]
    assert made["preview"] == [[f"{key}a@x.org", "Zoë", "Köln"], [f"{key}b@x.org", "Jörg", ""]]
    made = edited(api, made["id"], mapping={"E-Mail": "email", "Vorname": "firstname", "City": "city"})
    assert [one["field"] for one in made["columns"]] == ["email", "firstname", "city"]
    started(api, made["id"])
    done = waited(api, made["id"])
    assert (done["status"], counts(done), done["rows"], done["progress"]) == ("imported", (2, 0, 0), 2, 100.0)
    assert fields(of_email(api, f"{key}a@x.org")).items() >= {"firstname": "Zoë", "city": "Köln"}.items()


def test_the_same_file_again_updates(api: httpx.Client) -> None:
    key = some()
    assert counts(imported(api, table(["email", "city"], [f"{key}@x.org", "Rome"]))) == (1, 0, 0)
    assert counts(imported(api, table(["email", "city"], [f"{key}@X.org", "Oslo"]))) == (0, 1, 0)
    assert fields(of_email(api, f"{key}@x.org"))["city"] == "Oslo"


def test_blanks_stay_null_clears_and_what_exists_may_stay(api: httpx.Client) -> None:
    key = some()
    email, header = f"{key}@x.org", ["email", "firstname", "city", "phone"]
    imported(api, table(header, [email, "Ada", "Rome", "1"]))
    imported(api, table(header, [email, "", "NULL", "2"]))
    found = fields(of_email(api, email))
    assert (found["firstname"], found.get("city"), found["phone"]) == ("Ada", None, "2")
    imported(api, table(header, [email, "Eve", "Oslo", "3"]), skipIfExists=True)
    found = fields(of_email(api, email))
    assert (found["firstname"], found["city"], found["phone"]) == ("Ada", "Oslo", "2")


def test_rows_that_fail_say_why_and_can_be_mended(api: httpx.Client) -> None:
    key = some()
    data = table(["email", "firstname"], [f"{key}1@x.org", "Ada"], ["nobody", "Eve, the second"])
    data += f'{key}2@x.org,Bob,too,many\n,\n, \n{key}3@x.org,"open\n{key}4@x.org,Joe\n'.encode()
    done = imported(api, data)
    assert counts(done) == (2, 0, 5)
    assert [one["line"] for one in done["failures"]] == [3, 4, 5, 6, 7]
    words = ["email: This value is not a valid", "more than the number of header", "No data found", "No data found",
             "A quote is opened"]  # fmt: skip
    assert all(word in one["error"] for word, one in zip(words, done["failures"], strict=True))
    answer = api.get(f"/api/imports/{done['id']}/failed")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["email", "firstname", "import_line", "import_error"]
    assert rows[1][:3] == ["nobody", "Eve, the second", "3"]
    mended = answer.text.replace("nobody", f"{key}5@x.org").encode()
    again = uploaded(api, mended)
    assert [one["field"] for one in again["columns"]] == ["email", "firstname", None, None]
    started(api, again["id"])
    assert counts(waited(api, again["id"])) == (2, 0, 3)
    assert fields(of_email(api, f"{key}5@x.org"))["firstname"] == "Eve, the second"


def test_special_columns(api: httpx.Client) -> None:
    key = some()
    header = ["email", "dateAdded", "lastActive", "dateIdentified", "ownerusername", "stage", "points", "tags",
              "doNotEmail", "ip", "createdByUser", "company"]  # fmt: skip
    row = [f"{key}@x.org", "2020-01-31 10:00:00", "2021-02-03 04:05:06", "2020-02-01", "admin", f"Stage {key}", 12,
           f"{key}|vip|-x", "yes", "192.0.2.7,2001:db8::1", "admin", f"Acme {key}"]  # fmt: skip
    done = imported(api, table(header, row))
    assert counts(done) == (1, 0, 0), done["failures"]
    contact = api.get(f"/api/contacts/{of_email(api, f'{key}@x.org')['id']}").json()["contact"]
    assert contact["dateAdded"].startswith("2020-01-31T10:00:00")
    assert contact["dateIdentified"].startswith("2020-02-01")
    assert contact["lastActive"].startswith("2021-02-03T04:05:06")
    assert (contact["owner"]["id"], contact["points"], contact["createdBy"]) == (1, 12, 1)
    assert contact["stage"]["name"] == f"Stage {key}"
    assert {one["tag"] for one in contact["tags"]} == {key, "vip"}
    assert [one["channel"] for one in contact["doNotContact"]] == ["email"]
    assert {one["ipAddress"] for one in contact["ipAddresses"]} == {"192.0.2.7", "2001:db8::1"}
    companies = api.get(f"/api/contacts/{contact['id']}/companies").json()["companies"]
    assert [one["companyname"] for one in companies] == [f"Acme {key}"]
    imported(api, table(["email", "points", "doNotEmail"], [f"{key}@x.org", 99, "no"]))
    contact = api.get(f"/api/contacts/{contact['id']}").json()["contact"]
    assert (contact["points"], contact["doNotContact"]) == (12, []), "points are for new contacts"


def test_companies_are_made_and_told(api: httpx.Client) -> None:
    key = some()
    header = ["email", "companyname", "companycity", "companynumber_of_employees"]
    rows = [[f"{key}{one}@x.org", f"Firm {key} {one % 2}", ["Rome", "Oslo"][one % 2], one] for one in range(6)]
    assert counts(imported(api, table(header, *rows))) == (6, 0, 0)
    found = api.get("/api/companies", params={"search": f"Firm {key}"}).json()["companies"]
    firms = {one["fields"]["all"]["companyname"]: one["fields"]["all"] for one in found.values()}
    assert {name: (one["companycity"], one["companynumber_of_employees"]) for name, one in firms.items()} == {
        f"Firm {key} 0": ("Rome", 4), f"Firm {key} 1": ("Oslo", 5)
    }  # fmt: skip
    assert fields(of_email(api, f"{key}3@x.org"))["company"] == f"Firm {key} 1"


def test_what_is_known_of_a_company_can_be_cleared(api: httpx.Client) -> None:
    key = some()
    header = ["email", "companyname", "companycity", "companynumber_of_employees"]
    rows = [[f"{key}1@x.org", f"A {key}", "Rome", 7], [f"{key}2@x.org", f"B {key}", "NULL", "NULL"]]
    assert counts(imported(api, table(header, *rows))) == (2, 0, 0)
    assert counts(imported(api, table(header, [f"{key}1@x.org", f"a {key}", "NULL", ""]))) == (0, 1, 0)
    found = api.get("/api/companies", params={"search": key}).json()["companies"]
    [company] = [one for one in found.values() if one["fields"]["all"]["companyname"] == f"A {key}"]
    assert not company["fields"]["all"].get("companycity")
    assert company["fields"]["all"]["companynumber_of_employees"] == 7


def test_what_holds_for_all_rows(api: httpx.Client) -> None:
    key = some()
    segment = api.post("/api/segments/new", json={"name": key}).json()["list"]["id"]
    defaults = {"owner": 1, "segments": [segment], "tags": [key]}
    data = table(["email"], [f"{key}1@x.org"], [f"{key}2@x.org"])
    assert counts(imported(api, data, defaults=defaults)) == (2, 0, 0)
    assert api.get("/api/contacts", params={"search": f"segment:{key} tag:{key} owner:admin"}).json()["total"] == "2"


def test_ids_find_contacts_and_keep_those_of_another_system(api: httpx.Client) -> None:
    key = some()
    known = api.post("/api/contacts/new", json={"firstname": key}).json()["contact"]["id"]
    gone = api.post("/api/contacts/new", json={"firstname": key}).json()["contact"]["id"]
    assert api.delete(f"/api/contacts/{gone}/delete").status_code == 200
    old = 1_000 + int(key, 16) % 1_000_000_000
    rows = [[known, f"{key}a@x.org"], [gone, f"{key}b@x.org"], [old, f"{key}c@x.org"], [1 << 51, f"{key}d@x.org"],
            ["x1", f"{key}e@x.org"]]  # fmt: skip
    done = imported(api, table(["id", "email"], *rows))
    assert counts(done) == (3, 1, 1), done
    assert of_email(api, f"{key}a@x.org")["id"] == known
    assert of_email(api, f"{key}c@x.org")["id"] == old
    assert of_email(api, f"{key}b@x.org")["id"] not in (gone, known)
    assert of_email(api, f"{key}d@x.org")["id"] != 1 << 51
    assert [one["line"] for one in done["failures"]] == [6]
    assert counts(imported(api, table(["id", "city"], [old, "Rome"]))) == (0, 1, 0)
    assert fields(of_email(api, f"{key}c@x.org"))["city"] == "Rome"


def test_an_id_that_is_kept_to_be_given_out_is_nobodys(api: httpx.Client) -> None:
    """The next contact gets it, and must not be somebody already."""
    key = some()
    last = api.post("/api/contacts/new", json={"firstname": key}).json()["contact"]["id"]
    imported(api, table(["id", "email"], *([last + number, f"{key}{number}@x.org"] for number in range(1, 4))))
    for _ in range(3):
        new = api.post("/api/contacts/new", json={"firstname": f"{key} new"}).json()["contact"]
        assert fields(new).get("email") is None
    assert api.get("/api/contacts", params={"search": f"email:{key}%"}).json()["total"] == "3"


def test_rows_about_one_contact_come_in_their_order(api: httpx.Client) -> None:
    key = some()
    rows = [[f"{key}@x.org", f"city {number}"] for number in range(30)]
    assert counts(imported(api, table(["email", "city"], *rows))) == (1, 29, 0)
    assert fields(of_email(api, f"{key}@x.org"))["city"] == "city 29"


def test_rows_that_name_one_contact_in_two_ways_come_in_their_order(api: httpx.Client) -> None:
    key = some()
    body = {"email": f"{key}@x.org", "firstname": "Old"}
    contact = api.post("/api/contacts/new", json=body).json()["contact"]["id"]
    header = ["id", "email", "firstname"]
    assert counts(imported(api, table(header, [contact, "", "New"], ["", f"{key}@x.org", "Old"]))) == (0, 2, 0)
    assert fields(of_email(api, f"{key}@x.org"))["firstname"] == "Old"
    rows = [[contact, "", f"{number}"] if number % 2 else ["", f"{key}@x.org", f"{number}"] for number in range(20)]
    assert counts(imported(api, table(header, *rows))) == (0, 20, 0)
    assert fields(of_email(api, f"{key}@x.org"))["firstname"] == "19"


def test_the_history_and_the_search_know_of_it(api: httpx.Client) -> None:
    key = some()
    first = imported(api, table(["email", "points"], [f"{key}@x.org", 5]), "fair.csv")
    second = imported(api, table(["email", "city"], [f"{key}@x.org", "Rome"], [f"{key}2@x.org", "Oslo"]), "more.csv")
    contact = of_email(api, f"{key}@x.org")["id"]
    entries = api.get(f"/api/contacts/{contact}/activity", params={"filters[includeEvents][0]": "lead.imported"})
    told = [(one["eventLabel"]["label"], one["details"]["line"]) for one in entries.json()["events"]]
    links = {one["eventLabel"]["href"] for one in entries.json()["events"]}
    assert links == {f"{api.base_url}/api/imports/{one['id']}" for one in (first, second)}
    assert sorted(told) == [("Contact imported from fair.csv", 2), ("Contact updated from more.csv", 2)]
    labels = {one["event"]: one["eventLabel"] for one in api.get(f"/api/contacts/{contact}/activity").json()["events"]}
    assert "point.gained" in labels and "lead.apiadded" not in labels
    assert labels["lead.source.created"] == "Contact was created by an import of admin"
    assert labels["lead.source.identified"] == "Contact was identified by an import of admin"

    def found(search: str) -> int:
        return int(api.get("/api/contacts", params={"search": search}).json()["total"])

    assert (found(f"import_id:{first['id']}"), found(f"import_id:{second['id']}")) == (1, 2)
    assert found(f"import_id:{second['id']} import_action:inserted email:{key}%") == 2
    assert found(f"import_action:updated email:{key}%") == 1
    assert found(f"import_action:failed email:{key}%") == 0
    assert api.get("/api/contacts", params={"search": "import_action:eaten"}).status_code == 400


def test_a_value_that_contradicts_fails_its_row_alone(api: httpx.Client) -> None:
    key = some()
    said = [{"email": f"{key}{letter}@x.org"} for letter in "ab"]
    one, other = (api.post("/api/contacts/new", json=body).json()["contact"]["id"] for body in said)
    done = imported(api, table(["id", "email"], [one, f"{key}b@x.org"], [other, f"{key}b@x.org"]))
    assert done["inserted"] == 0
    assert done["updated"] + done["failed"] == 2


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"mapping": {"email": "nothing"}}, "There is no field 'nothing'"),
        ({"mapping": {"other": "email"}}, "The file has no column 'other'"),
        ({"mapping": ["email", "email"]}, "Only one column can become 'email'"),
        ({"mapping": ["email"]}, "a list of 2 fields"),
        ({"defaults": {"owner": 99_999}}, "99999"),
        ({"defaults": {"segments": [99_999]}}, "There is no segment 99999"),
        ({"parser": {"delimiter": "ab"}}, "delimiter"),
        ({"parser": {"encoding": "klingon"}}, "klingon"),
        ({"parser": {"encoding": "idna"}}, "idna"),
        ({"parser": {"encoding": "utf-7"}}, "utf-7"),
        ({"parser": {"encoding": "cp424"}}, "cp424"),
        ({"parser": {"encoding": "bz2"}}, "bz2"),
        ({"parser": {"encoding": "utf-16"}}, "cannot be read as utf-16"),
        ({"defaults": {"owner": []}}, "owner"),
    ],
)
def test_what_cannot_be_is_told(api: httpx.Client, said: dict[str, Any], words: str) -> None:
    made = uploaded(api, table(["email", "city"], ["a@x.org", "Rome"]))
    answer = api.patch(f"/api/imports/{made['id']}/edit", json=said)
    assert answer.status_code == 400
    assert words in answer.text


def test_how_it_is_read_can_be_said_otherwise(api: httpx.Client) -> None:
    made = uploaded(api, "email;city\na@x.org;Köln\n".encode("cp1252"))
    changed = edited(api, made["id"], parser={"delimiter": ",", "encoding": "cp1251"})
    assert [one["header"] for one in changed["columns"]] == ["email;city"]
    assert changed["preview"] == [["a@x.org;Kцln"]]
    changed = edited(api, made["id"], parser={"delimiter": ";", "encoding": "cp1252"})
    assert [one["field"] for one in changed["columns"]] == ["email", "city"]


def test_nothing_is_imported_of_a_file_that_becomes_nothing(api: httpx.Client) -> None:
    made = uploaded(api, table(["what", "ever"], [1, 2]))
    answer = api.post(f"/api/imports/{made['id']}/start")
    assert answer.status_code == 400
    assert "At least one column" in answer.text


def test_fields_that_every_contact_must_have_are_asked_for(api: httpx.Client) -> None:
    alias = f"must_{some()}"
    field = api.post("/api/fields/contact/new", json={"label": alias, "alias": alias, "isRequired": True}).json()[
        "field"
    ]
    try:
        made = uploaded(api, table(["email"], ["a@x.org"]))
        answer = api.post(f"/api/imports/{made['id']}/start")
        assert answer.status_code == 400
        assert "Some required fields are missing" in answer.text
    finally:
        assert api.delete(f"/api/fields/contact/{field['id']}/delete").status_code == 200


def test_a_field_that_is_gone_by_then_is_told(api: httpx.Client) -> None:
    alias = f"gone_{some()}"
    field = api.post("/api/fields/contact/new", json={"label": alias, "alias": alias}).json()["field"]
    eventually(lambda: alias in api.get("/api/imports/fields").text, "the field", 5)
    made = uploaded(api, table([alias], ["x"]))
    assert made["columns"][0]["field"] == alias
    assert api.delete(f"/api/fields/contact/{field['id']}/delete").status_code == 200
    eventually(lambda: alias not in api.get("/api/imports/fields").text, "its end", 5)
    answer = api.post(f"/api/imports/{made['id']}/start")
    assert answer.status_code == 400
    assert f"There is no field '{alias}' any more" in answer.text


def test_stages_are_named_in_whatever_rows_can_be_read(api: httpx.Client) -> None:
    key = some()
    rows = table(["email", "stage"], [f"{key}1@x.org", f"'+VIP {key}"], [f"{key}2@x.org", "x" * 300])
    rows += f"{key}3@x.org,".encode() + b"Caf\xe9\n" + "".join(f"{key}é{one}@x.org,Ö\n" for one in range(9)).encode()
    done = imported(api, rows)
    assert counts(done) == (10, 0, 2), done
    assert [one["line"] for one in done["failures"]] == [3, 4]
    contact = api.get(f"/api/contacts/{of_email(api, f'{key}1@x.org')['id']}").json()["contact"]
    assert contact["stage"]["name"] == f"+VIP {key}"


def test_a_column_that_is_none_of_stages_does_not_make_thousands(api: httpx.Client) -> None:
    key = some()
    done = imported(api, table(["email", "stage"], *([f"{key}{row}@x.org", f"{key} {row}"] for row in range(140))))
    assert counts(done) == (100, 0, 40)
    assert "Stage with ID or name" in done["failures"][0]["error"]
    assert api.get("/api/stages", params={"search": key, "limit": 1}).json()["total"] == 100


def test_failed_rows_of_an_encoding_of_few_letters_are_told_whole(api: httpx.Client) -> None:
    key = some()
    made = uploaded(api, f"email,city\n{key}1@x.org,Köln\n{key}2@x.org,Rome\n".encode())
    edited(api, made["id"], parser={"encoding": "ascii"})
    started(api, made["id"])
    assert counts(waited(api, made["id"])) == (1, 0, 1)
    assert f"{key}1@x.org,Köln,2,".encode() in api.get(f"/api/imports/{made['id']}/failed").content


def test_an_import_is_in_the_list_until_it_is_deleted(api: httpx.Client, clickhouse: Any) -> None:
    made = uploaded(api, table(["email"], ["nobody"]), f"{some()}.csv")
    listed = api.get("/api/imports", params={"search": made["name"], "limit": 5}).json()
    assert [one["id"] for one in listed["imports"]] == [made["id"]]
    started(api, made["id"])
    assert waited(api, made["id"])["failed"] == 1
    assert api.post(f"/api/imports/{made['id']}/start").status_code == 409
    assert api.delete(f"/api/imports/{made['id']}/delete").status_code == 200
    assert api.get(f"/api/imports/{made['id']}").status_code == 404
    left = "SELECT count() FROM import_failures WHERE import_id = {id:UInt64}"
    assert clickhouse.query(left, parameters={"id": made["id"]}).result_rows == [(0,)]


def test_files_are_removed_when_they_are_imported(api: httpx.Client, clickhouse: Any) -> None:
    files = "SELECT count() FROM import_files WHERE position(unhex(hex(data)), {key:String}) > 0"
    key = some()
    made = uploaded(api, table(["email"], [f"{key}@x.org"]))
    assert clickhouse.query(files, parameters={"key": key}).result_rows == [(1,)]
    started(api, made["id"])
    waited(api, made["id"])
    eventually(lambda: clickhouse.query(files, parameters={"key": key}).result_rows == [(0,)], "its removal", 10)


def test_an_import_whose_file_is_gone_fails_and_says_so(api: httpx.Client, clickhouse: Any) -> None:
    key = some()
    made = uploaded(api, table(["email"], [f"{key}@x.org"]))
    clickhouse.command("DELETE FROM import_files WHERE position(unhex(hex(data)), {key:String}) > 0", {"key": key})
    started(api, made["id"])
    done = waited(api, made["id"])
    assert (done["status"], done["rows"]) == ("failed", 0)
    assert "upload it again" in done["message"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "A file is needed"),
        (b"\n\n", "no first row"),
        (b"PK\x03\x04 no workbook", "workbook"),
        (b'"a\nb', "no first row"),
        (b"\x1f\x8b\x08\x00some", "neither CSV nor XLSX"),
        (b"\xd0\xcf\x11\xe0 an old workbook", "neither CSV nor XLSX"),
    ],
)
def test_what_is_no_table_is_refused(api: httpx.Client, data: bytes, words: str) -> None:
    answer = api.post("/api/imports/new", content=data)
    assert answer.status_code == 400
    assert words in answer.text


def test_a_body_that_is_no_file_is_refused(api: httpx.Client) -> None:
    assert api.post("/api/imports/new", json={"email": "a@x.org"}).status_code == 400


def test_a_form_of_a_browser_is_taken(api: httpx.Client) -> None:
    answer = api.post("/api/imports/new", files={"file": ("list.csv", b"email\na@x.org\n", "text/csv")})
    assert (answer.status_code, answer.json()["import"]["name"]) == (201, "list.csv")


def test_what_columns_can_become(api: httpx.Client) -> None:
    found = {one["field"]: one["label"] for one in api.get("/api/imports/fields").json()["fields"]}
    assert {"email": "Email", "dateAdded": "Date added", "companycity": "Company: City"}.items() <= found.items()
