"""Records of a file: read as they were written, in whatever pieces they come, and one that is broken costs no other."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contacts.imports.dialect import Dialect, detect, detect_encoding, read_dialect
from services.contacts.imports.rows import MAX_RECORD, NEVER_CLOSED, TOO_LONG, Rows, header_of, written

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\0\ufeff\ufffd"), max_size=12)
TABLE = st.lists(st.lists(CELL, min_size=1, max_size=5), min_size=1, max_size=8)
USUAL = Dialect()
LETTERS = st.text("abcdefghij XYZ0123456789.@-", min_size=1, max_size=10)


def rows_of(data: bytes, dialect: Dialect = USUAL, size: int = 7) -> list[tuple[int, list[str], str]]:
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    return [tuple(row) for row in Rows(pieces, dialect)]


@given(TABLE, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(['"', "'"]), st.integers(1, 40))
def test_what_another_writer_wrote_is_read_as_it_was(
    table: list[list[str]], delimiter: str, quote: str, size: int
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quotechar=quote, quoting=csv.QUOTE_ALL).writerows(table)
    read = rows_of(text.getvalue().encode(), Dialect(delimiter, quote), size)
    assert [cells for _, cells, _ in read] == table
    assert not any(error for *_, error in read)


@given(TABLE, st.sampled_from([",", ";"]))
def test_what_is_written_of_failed_rows_is_read_again(table: list[list[str]], delimiter: str) -> None:
    dialect = Dialect(delimiter)
    data = b"".join(written([*cells, "7", "an error"], dialect) for cells in table)
    assert [cells for _, cells, _ in rows_of(data, dialect)] == [[*cells, "7", "an error"] for cells in table]


@given(
    st.integers(2, 6).flatmap(lambda width: st.lists(st.lists(LETTERS, min_size=width, max_size=width), min_size=4)),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
)
def test_how_a_table_is_written_is_found_out(table: list[list[str]], delimiter: str, encoding: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(table)
    dialect = detect(text.getvalue().encode(encoding), is_whole=True)
    assert (dialect.delimiter, dialect.quote) == (delimiter, '"')
    assert [cells for _, cells, _ in rows_of(text.getvalue().encode(encoding), dialect)] == table


def test_commas_within_cells_do_not_hide_the_semicolons() -> None:
    data = "name;price;place\nBread;1,50;Köln, Ehrenfeld\nSalt;0,90;Bonn, Nord\n".encode()
    assert detect(data, is_whole=True) == Dialect(";")


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("email,city\nx@y.de,Köln\nz@y.de,Malmö\nq@w.fr,Besançon\n", "cp1252", "cp1252"),
        ("Имя;Город\nИван;Москва\nОльга;Казань\n", "cp1251", "cp1251"),
        ("imie;miasto\nŁukasz;Łódź\nŻaneta;Kraków\nGrażyna;Wrocław\n", "cp1250", "cp1250"),
        ("名前,市\n太郎,東京\n花子,大阪\n", "shift_jis", "shift_jis"),
        ("a,b\nä,ö\n", "utf-16-le", "utf-16-le"),
        ("a,b\n1,2\n", "utf-16-be", "utf-16-be"),
        ("a,b\nä,ö\n", "utf-8", "utf-8"),
        ("a,b\n1,2\n", "ascii", "utf-8"),
    ],
)
def test_the_encoding_is_found_out(text: str, encoding: str, found: str) -> None:
    assert detect_encoding(text.encode(encoding), is_whole=True) == found


def test_a_few_broken_lines_do_not_make_another_encoding_of_it() -> None:
    data = "name\nJörg\nZoë\nRenée\nÅsa\nBjörn\n".encode() + "Müller\n".encode("cp1252")
    assert detect_encoding(data, is_whole=True) == "utf-8"
    *read, (line, cells, error) = rows_of(data)
    assert not any(error for *_, error in read)
    assert (line, error) == (7, "This row has bytes that cannot be read as utf-8.")
    assert written(cells, Dialect()) == "Müller\n".encode("cp1252"), "the bytes are kept for whoever mends them"


@pytest.mark.parametrize(
    ("data", "quote"),
    [
        ("a,b\n'1,5',x\n'2',y\n", "'"),
        ("a,b\nO'Neil,d'Arc\n'n Sync,x\n", '"'),
        ("a,b\n1,\"x, y\"\n2,'z'\n", '"'),
        ('a,b\n1,"open\n2,x\n', '"'),
    ],
)
def test_apostrophes_quote_only_where_they_stand_around_cells(data: str, quote: str) -> None:
    assert detect(data.encode(), is_whole=True) == Dialect(",", quote)


def test_what_excel_is_told_is_no_header() -> None:
    data = b"sep=;\na,b;c\n1,5;2\n"
    dialect = detect(data, is_whole=True)
    assert dialect == Dialect(";")
    header = header_of(Rows([data], dialect))
    assert header is not None
    assert (header.line, header.cells) == (2, ["a,b", "c"])


def test_the_end_of_a_sample_may_cut_a_letter_in_two() -> None:
    assert detect("name,city\nJörg,Köln\nJürgen,Köl\u00f6".encode()[:-1], is_whole=False) == Dialect()


def test_a_row_that_spans_lines_begins_in_the_first() -> None:
    assert rows_of(b'a,b\n"1\n2",x\n\n3,y\n') == [(1, ["a", "b"], ""), (2, ["1\n2", "x"], ""), (5, ["3", "y"], "")]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_every_kind_of_line_end_is_one(ending: bytes, size: int) -> None:
    data = ending.join([b"a,b", b"1,2", b'"x', b'y",z'])
    assert rows_of(data, size=size) == [(1, ["a", "b"], ""), (2, ["1", "2"], ""), (3, ["x\ny", "z"], "")]


def test_only_a_line_without_anything_is_no_row() -> None:
    cells = [cells for _, cells, _ in rows_of(b"a,b\n\n,\n , \n\n1,2\n")]
    assert cells == [["a", "b"], ["", ""], [" ", " "], ["1", "2"]]


def test_a_quote_that_is_never_closed_costs_one_row() -> None:
    data = b'a,b\n1,"never closed\n2,x\n3,"y"\n4,z\n'
    assert rows_of(data) == [
        (1, ["a", "b"], ""),
        (2, ["1", '"never closed'], NEVER_CLOSED),
        (3, ["2", "x"], ""),
        (4, ["3", "y"], ""),
        (5, ["4", "z"], ""),
    ]


def test_a_quote_that_is_open_at_the_end_costs_one_row() -> None:
    assert rows_of(b'1,"x\n2,y\n3,z') == [(1, ["1", '"x'], NEVER_CLOSED), (2, ["2", "y"], ""), (3, ["3", "z"], "")]


def test_letters_behind_a_closed_quote_cost_one_row() -> None:
    assert rows_of(b'1,"x"y\n2,z\n') == [(1, ["1", '"x"y'], NEVER_CLOSED), (2, ["2", "z"], "")]


def test_a_line_that_is_far_too_long_costs_one_row_and_no_memory() -> None:
    endless = b"x" * 500_000
    pieces = [b"1,a\n2,", *[endless] * 8, b"\n3,c\n"]
    read = list(Rows(pieces, Dialect()))
    assert [(row.line, row.error) for row in read] == [(1, ""), (2, TOO_LONG), (3, "")]
    assert read[2].cells == ["3", "c"]


def test_a_line_that_is_too_long_within_quotes_is_no_part_of_a_row() -> None:
    data = b'1,"x\n' + b"y" * (MAX_RECORD + 9) + b'\n2,b"\n3,c\n'
    read = rows_of(data, size=65_536)
    assert [(line, error) for line, _, error in read][:2] == [(1, NEVER_CLOSED), (2, TOO_LONG)]
    assert read[-1] == (4, ["3", "c"], "")


def test_nul_is_a_letter_like_others() -> None:
    assert rows_of(b"a\0b,c\n1,2\n") == [(1, ["a\0b", "c"], ""), (2, ["1", "2"], "")]


def test_an_escaped_quote_ends_nothing() -> None:
    assert rows_of(b'1,"say \\"hi\\", twice"\n', Dialect(escape="\\")) == [(1, ["1", 'say "hi", twice'], "")]


def test_without_a_quote_quotes_are_letters() -> None:
    assert rows_of(b'1,"x\n2,5"\n', Dialect(quote="")) == [(1, ["1", '"x'], ""), (2, ["2", '5"'], "")]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (("", '"', "", "utf-8"), "delimiter"),
        ((",,", '"', "", "utf-8"), "delimiter"),
        ((",", '"', "", "klingon"), "encoding"),
        ((",", '"', "", "base64"), "encoding"),
        ((",", ",", "", "utf-8"), "differ"),
        (("\n", '"', "", "utf-8"), "delimiter"),
        (("ä", '"', "", "utf-8"), "delimiter"),
    ],
)
def test_what_is_no_dialect_is_told(said: tuple[str, str, str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_dialect(*said)


def test_tab_may_be_said_in_words() -> None:
    assert read_dialect("tab", "", "", "latin1") == Dialect("\t", "", "", "iso8859-1")
