"""The SQL of exports: every column on both sides, for every kind of file."""

from __future__ import annotations

import pytest

from services.common.contact_fields import FIELDS, Field
from services.export.queries.columns import Cell, Column, harmless_cell, json_cell, parquet_cell, text_cell, typed_cell
from services.export.queries.contacts import Names, contact_columns, contacts_statement, usual_columns

COLUMNS = contact_columns()


@pytest.mark.parametrize("cell", [text_cell, typed_cell, harmless_cell, json_cell, parquet_cell])
@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_every_column_has_a_cell_on_both_sides(column: Column, cell: Cell) -> None:
    statement = contacts_statement("", [column], cell, Names())
    assert statement.rows is not None and statement.total is not None
    assert statement.rows.count(" AS c0 FROM ") == 2


def test_the_usual_columns_are_the_id_all_fields_in_their_order_and_the_stage() -> None:
    fields = {**FIELDS, "size": Field(99, "size", "Size", "text", "core", is_fixed=False)}
    usual = usual_columns(fields)
    assert usual == ("id", *fields, "stage", "tags", "date_added", "date_identified")
    assert tuple(contact_columns(fields))[: len(usual)] == usual


def test_nothing_is_asked_when_nothing_can_match() -> None:
    statement = contacts_statement("is:unpublished", [COLUMNS["id"]], text_cell, Names())
    assert (statement.rows, statement.total) == (None, None)
