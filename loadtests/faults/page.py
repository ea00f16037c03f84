"""The table of outcomes, on the screen and in docs/reliability.md. Pure but for that file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadtests import report
from loadtests.faults.fault import Outcome

PAGE = report.ROOT / "docs" / "reliability.md"
HEAD = (
    "fault",
    "lasted s",
    "hits",
    "503",
    "no answer",
    "worst answer s",
    "recovered after s",
    "lost",
    "twice",
    "wrong",
    "",
)


def as_text(outcomes: Sequence[Outcome]) -> str:
    return report.table(HEAD, [_cells(one) for one in outcomes])


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    lines = [" | ".join(HEAD), "|".join("---" for _ in HEAD)]
    family = ""
    for one in outcomes:
        if one.family != family:
            family = one.family
            lines.append(f"**{family}** " + "| " * (len(HEAD) - 1))
        lines.append(" | ".join(_cells(one)))
    return "\n".join(f"| {line} |" for line in lines)


def ran_on(machine: dict[str, Any], what: str) -> str:
    """The line above a table."""
    interpreter = str(machine["interpreter"]).rpartition(" ")[2]
    date = str(machine["date"])[:10]
    return f"{date}, {machine['cores']} cores ({machine['cpu']}), CPython {interpreter}, {what}:"


def put(text: str, section: str, content: str) -> str:
    """The page with this between the marks of a section."""
    begin, end = f"<!-- {section}: written by the verb -->", f"<!-- end of {section} -->"
    if begin not in text or end not in text:
        raise ValueError(f"the page has no section {section!r}")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    return pattern.sub(lambda _: f"{begin}\n\n{content}\n\n{end}", text)


def write(section: str, content: str, page: Path = PAGE) -> None:
    page.write_text(put(page.read_text(encoding="utf-8"), section, content), encoding="utf-8")


def _cells(one: Outcome) -> list[str]:
    if one.not_run:
        return [one.name, *([""] * (len(HEAD) - 2)), f"NOT RUN: {one.not_run}"]
    return [
        one.name,
        f"{one.lasted_seconds:.1f}",
        f"{one.sent:,}",
        f"{one.refused:,}",
        f"{one.broken:,}",
        f"{one.worst_answer_seconds:.2f}",
        f"{one.recovered_seconds:.1f}",
        *(str(count) for count in (one.lost, one.twice, one.wrong)),
        one.note,
    ]
