"""Hostile requests: each can be made again, and a framed one ends where it says."""

from __future__ import annotations

import re

from loadtests.fuzz import errors_in
from loadtests.hostile import HostileWeb

COUNT = 2_000


def web(seed: int) -> HostileWeb:
    return HostileWeb(seed, ["0266of9lt4pjoyzx4qi171u"], ["eyJhIjoxfQ.c2ln"])


def test_a_request_is_the_same_for_its_seed_and_number_whatever_was_made_before() -> None:
    all_of_them = web(1)
    made = [all_of_them.request(number) for number in range(200)]
    assert [web(1).request(number) for number in (199, 5)] == [made[199], made[5]]
    assert web(2).request(5) != made[5]


def test_a_framed_request_ends_where_it_says() -> None:
    made = [web(3).request(number) for number in range(COUNT)]
    framed = [one for one in made if one.is_framed]
    assert 0.9 < len(framed) / COUNT < 1
    for one in framed:
        head, _, rest = one.data.partition(b"\r\n\r\n")
        if head.lower().endswith(b"transfer-encoding: chunked"):
            assert rest.endswith(b"0\r\n\r\n")
        else:
            length = re.search(rb"\r\nContent-Length: (\d+)$", head)
            assert len(rest) == (int(length[1]) if length else 0), one
        assert head.count(b"\r\nContent-Length:") <= 1
        assert b"\n" not in head.replace(b"\r\n", b"")


def test_errors_of_a_log_are_counted_without_what_differs() -> None:
    log = "Traceback (most recent call last):\n  File\nKeyError: 17\nKeyError: 18\nx.RedisError: gone\n{}"
    assert errors_in(log) == {"KeyError: N": 2, "x.RedisError: gone": 1}
