"""Words that would be statements elsewhere are words: in searches, filters, orders, names of fields and paths."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import product

import httpx
import pytest

from tests.integration.security.conftest import Four

WORDS = ("'", "\\'", "') OR 1=1 --", "' UNION ALL SELECT 1 --", "`", '"', "{x:String}", "%", "\x00", "*/", "\\",
         "'+(SELECT sleep(3))+'", "email) FROM users --", "1;DROP TABLE contacts", "..", "1e999", "9" * 20)  # fmt: skip
LISTS = ("contacts", "companies", "segments", "tags", "auditlog", "contacts/activity")


def questions(word: str) -> Iterator[dict[str, str]]:
    column = {"where[0][col]": "email", "where[0][expr]": "eq", "where[0][val]": "x"}
    yield from (
        {"search": word},
        {"search": f"email:{word}"},
        {"search": f"{word}:x"},
        {"orderBy": word},
        {"orderBy": "id", "orderByDir": word},
        {"order[0][col]": word, "order[0][dir]": "asc"},
        {**column, "where[0][col]": word},
        {**column, "where[0][expr]": word},
        {**column, "where[0][val]": word},
        {**column, "where[0][expr]": "in", "where[0][val]": word},
        {"select": word},
        {"limit": word},
        {"filters[search]": word, "filters[includeEvents][0]": word},
    )


@pytest.mark.parametrize("where", LISTS)
def test_no_question_to_a_list_is_read_as_a_statement(four: Four, where: str) -> None:
    api = four.logged_in["contacts"]
    for word in WORDS:
        for query in questions(word):
            answer = api.get(f"/api/{where}", params=query)
            assert answer.status_code in (200, 400), (query, answer.text)


def test_no_filter_of_a_segment_is(four: Four) -> None:
    api = four.logged_in["contacts"]
    fields = ("email", "tags", "date_added", "hit_url", "points", "where")
    for word, field, operator in product(WORDS[:9], fields, ("=", "like", "regexp", "in", "odd")):
        name, does = (word if field == "where" else field), (word if operator == "odd" else operator)
        one = {"field": name, "operator": does, "glue": "and", "object": "lead", "properties": {"filter": word}}
        made = api.post("/api/segments/new", json={"name": "odd", "filters": [one]})
        assert made.status_code in (201, 400), (one, made.text)
        if made.status_code == 201:
            segment = made.json()["list"]
            found = api.get("/api/contacts", params={"search": f"segment:{segment['alias']}", "limit": "1"})
            assert found.status_code == 200, (one, found.text)
            api.delete(f"/api/segments/{segment['id']}/delete")


def test_no_name_of_a_field_column_or_path_is_and_all_contacts_are_there_afterwards(four: Four) -> None:
    api, exports = four.logged_in["contacts"], four.logged_in["export"]
    mark = f"{uuid.uuid4().hex}@x.org"
    assert api.post("/api/contacts/new", json={"email": mark}).status_code == 201
    for word in WORDS:
        made = api.post("/api/fields/contact/new", json={"label": word, "alias": word, "type": "text"})
        assert made.status_code in (201, 400), made.text
        if made.status_code == 201:
            api.delete(f"/api/fields/contact/{made.json()['field']['id']}/delete")
        for body in ({"columns": [word]}, {"search": f"email:{word}"}, {"of": "events", "since": word}):
            assert exports.post("/exports/download", json=body).status_code in (200, 400)
    assert api.get("/api/contacts", params={"search": f"email:{mark}"}).json()["total"] == "1"


@pytest.mark.parametrize("path", ["..%2f..%2f..%2fetc%2fpasswd", "..%5c..%5cwin.ini", "%2e%2e%2f%2e%2e%2fpassword",
                                  "....//....//etc/passwd", "%00", "..;/..;/etc/passwd", "/etc/passwd"])  # fmt: skip
def test_no_path_leads_out_of_where_files_are_kept(four: Four, path: str) -> None:
    found: list[httpx.Response] = []
    for before, after in (("/exports/", ""), ("/exports/", "/download"), ("/schedules/", "")):
        found.append(four.logged_in["export"].get(f"{before}{path}{after}"))
        found.append(four.logged_in["export"].delete(f"{before}{path}"))
    for before in ("/ui/assets/", "/ui/static/", "/docs/", "/api/imports/", "/api/contacts/", "/ui/exports/"):
        found.append(four.logged_in["contacts"].get(f"{before}{path}"))
    found += [four.http["ingest"].get(f"{before}{path}") for before in ("/asset/", "/r/", "/email/view/", "/")]
    for answer in found:
        assert answer.status_code in (303, 400, 404, 405), answer.url
        assert "root:" not in answer.text
    name = four.logged_in["contacts"].post(f"/api/imports/new?name={path}", content=b"email\na@x.org\n",
                                           headers={"content-type": "text/csv"})  # fmt: skip
    assert name.status_code in (201, 400)
    if name.status_code == 201:
        assert "/" not in name.json()["import"]["name"]
