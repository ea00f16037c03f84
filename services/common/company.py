"""A company: its document, what a hit says of one, and how both come together.

Nothing in here does I/O, and time is an argument: microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from services.common.company_fields import COMPANY_FIELDS, NAME
from services.common.contact_fields import Field
from services.common.field_values import NOT_AN_EMAIL, TOO_LONG, read_number
from services.common.profile import Stamped, Value
from services.common.values import JUNK_VALUES, MAX_TEXT_LENGTH, clean, normalise_email

# What a hit may say in fewer words, where it does not say the full one.
_SHORT_NAMES = {NAME: "company", "companycity": "city", "companystate": "state", "companycountry": "country"}


class Company(msgspec.Struct, omit_defaults=True):
    """Everything that is known of one company. `version` is 0 for one that is not stored yet."""

    id: int
    added_us: int = 0
    modified_us: int = 0
    fields: dict[str, Stamped] = {}
    score: int = 0
    owner_id: int = 0
    created_by: str = ""
    modified_by: str = ""
    created_by_id: int = 0  # of the user; 0 for who is none
    modified_by_id: int = 0
    version: int = 0
    deleted_us: int = 0  # of one of which nothing but this is left

    def value(self, field: str) -> Value:
        stamped = self.fields.get(field)
        return stamped.value if stamped else None

    @property
    def name(self) -> str:
        return str(self.value(NAME) or "")

    def told(self, values: Mapping[str, Value], time_us: int) -> Company:
        """The company after a hit said `values`: the newest word on each field counts, and what is shown already is not
        said again. The name stays as it is spelt: it was found by it."""
        fields = dict(self.fields)
        for field, value in values.items():
            old = fields.get(field)
            if old is None or (old.time_us < time_us and old.value != value and field != NAME):
                fields[field] = Stamped(value, time_us)
        if fields == self.fields:
            return self
        return msgspec.structs.replace(
            self,
            fields=fields,
            added_us=self.added_us or time_us,
            modified_us=max(self.modified_us, time_us) if self.version else 0,
        )


class Mention(msgspec.Struct, frozen=True):
    """The company that a hit names. `key` is what it is found by; a blank is not among the values."""

    key: str
    values: dict[str, Value]
    time_us: int


def name_key(name: str) -> str:
    """The form in which names are compared: trimmed, case-folded, inner white space collapsed."""
    return " ".join(name.split()).casefold()


def is_name(name: str) -> bool:
    """Whether it names somebody: not nothing, not what broken sites send instead, not bytes that could not be read."""
    key = name_key(name)
    return bool(key) and key not in JUNK_VALUES and "\ufffd" not in key


def read_mention(said: Mapping[str, str], time_us: int) -> Mention | None:
    """What the parameters of a hit say of a company, None without a name. What cannot be read is left out."""
    values: dict[str, Value] = {}
    for alias, field in COMPANY_FIELDS.items():
        text = clean(said.get(alias, "")) or clean(said.get(_SHORT_NAMES.get(alias, ""), ""))
        if text:
            try:
                values[alias] = read_value(field, text[:MAX_TEXT_LENGTH].strip())
            except ValueError:
                pass  # a hit has nobody to tell
        if alias == NAME and not is_name(text):
            return None
    return Mention(name_key(str(values[NAME])), values, time_us)


def read_value(field: Field, text: str) -> Value:
    """A cleaned text that is not blank as it is stored. Raises `ValueError` with what is wrong."""
    if len(text) > MAX_TEXT_LENGTH:
        raise ValueError(TOO_LONG)
    if field.type == "email":
        email = normalise_email(text)
        if email is None:
            raise ValueError(NOT_AN_EMAIL)
        return email
    return _number(text) if field.type == "number" else text


def _number(text: str) -> int | float:
    number = read_number(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Company)


def encode_company(company: Company) -> bytes:
    """The document as stored; nothing is left of a deleted one."""
    if company.deleted_us:
        return b""
    return _encoder.encode(msgspec.structs.replace(company, version=0))


def decode_company(company_id: int, version: int, data: bytes) -> Company:
    """A deleted one has its time from its version, which is Redis' time of that write."""
    if not data:
        return Company(company_id, version=version, deleted_us=version)
    company = _decoder.decode(data)
    company.version = version
    return company
