"""Every key in Redis: its name, type, owner and time to live, on one page.

| key                    | type   | written by          | lives                                                     |
|------------------------|--------|---------------------|-----------------------------------------------------------|
| `hits:{n}`             | stream | ingest              | an entry until it is acknowledged                         |
| `hits:{n}:slow`        | stream | identity            | an entry of a hot device or contact, likewise             |
| `hits:dead`            | stream | identity            | the newest 10,000 hits that failed, with the reason       |
| `lease:{n}`            | string | identity            | 10 s, renewed by the reader of stream n                   |
| `duty:<name>`          | string | contacts, identity  | 30 s (identity: 10), renewed by the process that does it  |
| `resolvers`            | zset   | identity            | live resolvers by the time of their last sign of life     |
| `contact-ids`          | string | ingest and others   | for ever: the next unused contact id                      |
| `c:{c<slot>}:<id>`     | string | the profile store   | for ever; a day for the move of a caller without cookies  |
| `changes:{c<slot>}`    | zset   | the profile store   | contacts not yet projected into ClickHouse, by version    |
| `u:{u<slot>}:<f>:<h>`  | string | the profile store   | for ever: which contact (company) holds a value (name)    |
| `r:{r<slot>}:<k>:<id>` | string | the record store    | for ever: what people made, companies, what was erased    |
| `made:{r<slot>}`       | zset   | the record store    | records not yet projected into ClickHouse, by version     |
| `e:<event id>`         | string | ingest              | a day: when an event first came that has no time          |
| `brief:{c<slot>}:<id>` | list   | identity            | a day: the newest devices that joined without cookies     |
| `queued-merges`        | zset   | identity            | `<winner>:<loser>` by when that merge is to be tried      |
| `q:{c<slot>}:<id>`     | list   | contacts            | a day: tracking events for a contact's next visit         |
| `tracking-events`      | zset   | contacts            | contacts that such events wait for, by when they expire   |
| `i:<hash>`             | string | identity            | a day, or until erased: the answer to an idempotency key  |
| `hook:{r<slot>}:<id>`  | stream | contacts            | what a webhook is to be told, until it was told           |
| `hook:{r<slot>}:<id>:state` | hash | contacts           | for ever: how its deliveries went, how far events are told |
| `points-place`         | string | contacts            | for ever: up to when stored events gave their points      |
| `hook:{r<slot>}:<id>:saved` | zset | contacts          | an hour: contacts that a webhook was told, by version     |
| `record-ids:<kind>`    | string | the record store    | for ever: the last id of a kind                           |
| `t:<SHA-256>`          | string | contacts            | until they expire: OAuth2 tokens and codes                |
| `t:f:<family>`         | string | contacts            | as its tokens, or until revoked: that they count          |
| `tokens-used`          | hash   | contacts, export    | for ever: when each personal token was last used          |
| `audit`                | stream | contacts            | until they are in ClickHouse: changes and who made them   |
| `counts:<minute>`      | hash   | ingest, identity    | a day: what became of the hits of a minute since 1970     |
| `live`                 | stream | ingest, identity    | a minute, the newest 2,000 hits: while somebody watches   |
| `live:watched`         | string | contacts            | 15 s, renewed by each look: that somebody watches         |
| `limit/...`            | string | rate_limit          | for its window: requests and failed logins                |
| `mails:{mail}`         | zset   | contacts            | mails that are to be sent, by when they are due           |
| `mail:{mail}:<id>`     | string | contacts            | such a mail, until it is sent, failed or cancelled        |
| `last-check`           | hash   | check-identity      | for ever: when it ended last, and what it left wrong      |
| `erased`               | string | identity, erase     | for ever: when an erasure ended last; older exports go    |
| `rebuilding`           | string | rebuild-redis       | from its start to its end, and over a crash in between    |
| `fence:{<tag>}`        | string | who waits for WAIT  | for ever: one a master, written to be replicated          |

Braces are Redis Cluster hash tags: whatever one script touches has one tag.
"""

from __future__ import annotations

import hashlib
import zlib

CONTACT_SLOTS = 1024
UNIQUE_SLOTS = 1024
RECORD_SLOTS = 64

HITS_GROUP = "identity"
HITS_CONSUMER = "reader"  # one for all: the lease decides who it is, and its pending entries pass to the successor
DEAD_HITS = "hits:dead"
RESOLVERS = "resolvers"
CONTACT_IDS = "contact-ids"
TRACKING_EVENTS = "tracking-events"
QUEUED_MERGES = "queued-merges"
TOKENS_USED = "tokens-used"
AUDIT = "audit"
POINTS_PLACE = "points-place"
LIVE, LIVE_WATCHED = "live", "live:watched"
REBUILDING = "rebuilding"
LAST_CHECK = "last-check"
ERASURE_BACKLOG = "erasure-backlog"
ERASED = "erased"
PROFILES, CLAIMS, RECORDS = "c:*", "u:*", "r:*"  # as SCAN matches them
IDEMPOTENT = "i:*"
HOOKS = "hook:*"  # and what is kept beside each
MAILS = "mails:{mail}"  # members are `<contact>-<more>`


def fence(tag: str) -> str:
    return f"fence:{{{tag}}}"


def lasting_tags() -> list[str]:
    """Every tag under which something lies that could not be made again. Streams are not among them: a hit that was
    appended is waited for there, and one that is acknowledged twice does no harm."""
    families = (("c", CONTACT_SLOTS), ("u", UNIQUE_SLOTS), ("r", RECORD_SLOTS))
    tags = [f"{family}{slot}" for family, slots in families for slot in range(slots)]
    return [*tags, DEAD_HITS, TRACKING_EVENTS, AUDIT, "mail"]


def hits(stream: int) -> str:
    return f"hits:{{{stream}}}"


def slow_hits(stream: int) -> str:
    return f"hits:{{{stream}}}:slow"


def lease(stream: int) -> str:
    return f"lease:{{{stream}}}"


def duty(name: str) -> str:
    return f"duty:{name}"


def profile(contact_id: int) -> str:
    return f"c:{{c{contact_id % CONTACT_SLOTS}}}:{contact_id}"


def changes(slot: int) -> str:
    return f"changes:{{c{slot}}}"


def unique(field: str, value: str) -> str:
    """The key of a unique value (normalised). The value itself is hashed: keys are short and hold no address."""
    digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16)
    return f"u:{{u{int.from_bytes(digest.digest()[:4], 'big') % UNIQUE_SLOTS}}}:{field}:{digest.hexdigest()}"


def record(kind: str, record_id: str) -> str:
    return f"r:{{r{record_slot(record_id)}}}:{kind}:{record_id}"


def made(slot: int) -> str:
    return f"made:{{r{slot}}}"


def record_slot(record_id: str) -> int:
    return zlib.crc32(record_id.encode()) % RECORD_SLOTS


def hook(hook_id: int) -> str:
    """Under the tag of its record."""
    return f"hook:{{r{record_slot(str(hook_id))}}}:{hook_id}"


def hook_saved(hook_id: int) -> str:
    return f"{hook(hook_id)}:saved"


def is_hook_stream(key: bytes) -> bool:
    return not key.endswith((b":state", b":saved"))


def hook_state(hook_id: int) -> str:
    return f"{hook(hook_id)}:state"


def record_ids(kind: str) -> str:
    return f"record-ids:{kind}"


def brief_devices(contact_id: int) -> str:
    return f"brief:{{c{contact_id % CONTACT_SLOTS}}}:{contact_id}"


def first_time(event_id: bytes) -> str:
    return f"e:{event_id.hex()}"


def idempotent(digest: str) -> str:
    return f"i:{digest}"


def grant_family(name: str) -> str:
    return f"t:f:{name}"


def grant(token_digest: str) -> str:
    return f"t:{token_digest}"


def tracking_events(contact_id: int) -> str:
    return f"q:{{c{contact_id % CONTACT_SLOTS}}}:{contact_id}"


def minute_counts(minute: int) -> str:
    return f"counts:{minute}"


def mail(mail_id: str) -> str:
    return f"mail:{{mail}}:{mail_id}"
