"""What records hold: a document for each kind. Pure."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

LINK, ASSET, FORM, FIELDS = "link", "asset", "form", "fields"
NOTE, STAGE, CATEGORY, CAMPAIGN, TAG = "note", "stage", "category", "campaign", "tag"
DEVICE = "device"
SEGMENT = "segment"
USER, ROLE, LOGIN, CREDENTIAL, TOKEN = "user", "role", "login", "credential", "token"
CONTACT_CATEGORIES = "global"  # the bundle of categories that contacts can be in
HOOK = "hook"
POINT, POINT_GROUP, TRIGGER = "point", "pointgroup", "trigger"
EMAIL, SCHEDULED_EVENT = "email", "scheduledevent"
IMPORT = "import"
CONTACT_FIELDS, FIELDS_OF_COMPANIES = "contact", "company"  # the records of the kind `fields` that there are


class Document(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What all have in common; times are microseconds since 1970."""

    is_published: bool = True
    added_us: int = 0
    modified_us: int = 0
    created_by: str = ""
    modified_by: str = ""
    created_by_id: int = 0  # of the user; 0 for who is none
    modified_by_id: int = 0


class Link(Document):
    """A tracked link: `/r/{id}` leads to `url`."""

    name: str
    url: str


class Asset(Document):
    """A file that is kept elsewhere: `/asset/{id}` leads to `url` and counts a download.

    One of a directory (file:///...) is for mails only.
    """

    title: str
    url: str
    alias: str = ""
    description: str = ""
    language: str = "en"
    revision: int = 1  # of the file: how many addresses it has had
    disallow: bool = True  # search engines keep it out


class FormField(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One input of a form; `contact_field` is the alias that its value goes to, if any: no field of a contact has the
    alias of one of a company's own, so it may be such a one."""

    id: int
    label: str
    alias: str
    type: str = "text"
    contact_field: str = ""
    is_required: bool = False
    validation_message: str = ""
    default_value: str = ""
    choices: list[str] = []


class FormAction(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a submission does beside filling in fields."""

    id: int
    type: str
    name: str = ""
    add_tags: list[str] = []
    remove_tags: list[str] = []


class Form(Document):
    """What may be submitted to `/form/submit`. `post_action` is message, return or redirect, with its property."""

    name: str
    alias: str
    description: str = ""
    fields: list[FormField] = []
    actions: list[FormAction] = []
    post_action: str = "message"
    post_action_property: str = ""
    is_kiosk: bool = False  # many people at one device: nobody is remembered by it


class Note(Document):
    """What somebody wrote down about a contact; `time_us` is when it happened, 0: when it was written down."""

    contact_id: int
    text: str
    type: str = "general"
    time_us: int = 0


class Device(Document):
    """What a contact was said to have. What it came with is told by its events, and is no record."""

    contact_id: int
    type: str = ""  # smartphone, desktop and the like
    brand: str = ""
    model: str = ""
    os: str = ""
    os_short: str = ""
    os_version: str = ""
    os_platform: str = ""
    client: dict[str, str] = {}


class Stage(Document):
    """How far a contact has come; `weight` orders stages."""

    name: str
    weight: int = 0
    description: str = ""
    category_id: int = 0


class Category(Document):
    title: str
    alias: str = ""
    bundle: str = "global"
    color: str = ""
    description: str = ""


class Campaign(Document):
    """What contacts can be members of; what it does is decided elsewhere."""

    name: str
    description: str = ""
    category_id: int = 0


class ScheduledEvent(Document):
    """What a campaign is to do with a contact, or has done: others run campaigns and tell it. Times in microseconds."""

    contact_id: int
    event_id: int
    campaign_id: int = 0
    name: str = ""
    type: str = ""
    channel: str = ""
    channel_id: int = 0
    trigger_us: int = 0
    triggered_us: int = 0
    is_scheduled: bool = True
    error: str = ""
    metadata: dict[str, Any] = {}


class Tag(Document):
    """What is said of a tag; contacts carry the tag itself."""

    tag: str
    description: str = ""


class Email(Document):
    """A mail that can be sent to many; `{tokens}` in it are filled in for each. Times are microseconds, 0 for none."""

    name: str
    subject: str
    from_address: str = ""
    from_name: str = ""
    reply_to: str = ""
    html: str = ""
    text: str = ""
    type: str = "template"  # or list: for the members of `segments`
    language: str = "en"
    description: str = ""
    category_id: int = 0
    segments: list[int] = []
    assets: list[int] = []  # that are attached
    publish_up_us: int = 0
    publish_down_us: int = 0

    def is_open(self, now_us: int) -> bool:
        """Whether it may be sent now."""
        is_over = 0 < self.publish_down_us <= now_us
        return self.is_published and self.publish_up_us <= now_us and not is_over


Scalar = str | int | float | bool | None


class SegmentFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One condition of a segment as it was given; `glue` or begins a new group, and groups are alternatives."""

    field: str
    operator: str
    glue: str = "and"
    object: str = "lead"
    type: str = ""
    value: Scalar | list[Scalar] | dict[str, Scalar] = None
    display: str | None = None
    custom_type: str = ""  # of a field that somebody made; its type never changes


class Segment(Document):
    """Who its filters find, without those removed and with those added by hand; none: only those added."""

    name: str
    alias: str
    public_name: str = ""
    description: str = ""
    category_id: int = 0
    filters: list[SegmentFilter] = []
    is_global: bool = True
    is_preference_center: bool = False


class Hook(Document):
    """Whom to tell of what happens: a POST to `url`, signed with `secret`, of every trigger that is named."""

    name: str
    url: str
    secret: str = ""
    description: str = ""
    is_newest_first: bool = False  # the items of one request
    category_id: int = 0
    triggers: list[str] = []


class Point(Document):
    """A rule: `delta` points for what a contact does; only once, unless it is repeatable. With a group they go to the
    contact's score there."""

    name: str
    type: str
    delta: int
    description: str = ""
    category_id: int = 0
    is_repeatable: bool = False
    url: str = ""  # with * for anything; of a visit
    ids: list[str] = []  # of forms, downloads, mails; none: any
    since_us: int = 0  # what was stored before is of no concern
    group_id: int = 0


class PointGroup(Document):
    """What contacts have a score in, apart from their points."""

    name: str
    description: str = ""


class Trigger(Document):
    """From so many `points` on a contact is shown in this color; hex, without #."""

    name: str
    points: int = 0
    color: str = ""
    description: str = ""
    category_id: int = 0


class Choice(msgspec.Struct, frozen=True):
    """One of the values of a select field."""

    label: str
    value: str


class CustomField(Document):
    """A field of contacts that somebody made. Its alias and its type never change."""

    id: int
    label: str
    alias: str
    type: str = "text"
    group: str = "core"
    order: int = 0
    default_value: str = ""
    is_required: bool = False
    is_listable: bool = True
    is_visible: bool = True
    is_short_visible: bool = False
    is_public: bool = False  # a hit may set it
    is_unique: bool = False  # it identifies
    choices: list[Choice] = []
    yes: str = "Yes"
    no: str = "No"
    scale: int = 0
    allows_html: bool = False


class FieldRegistry(Document):
    """What can be said of the fields of contacts (or companies), and those that were made."""

    publicly_updatable: list[str] | None = None  # of those from the start; as set, until somebody says otherwise
    unique: list[str] | None = None  # the same
    custom: list[CustomField] = []
    last_id: int = 100  # of one that was made; below are those that are there from the start
    retired: dict[str, str] = {}  # types of deleted fields by alias: profiles still hold such values


class User(Document):
    """Who may log in. One that is not published may not; the one that is there from the start has no password here."""

    username: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    role_id: int = 0
    password_hash: str = ""  # Argon2
    position: str = ""
    signature: str = ""
    timezone: str = ""
    locale: str = ""


class Role(Document):
    """What its users may do; permissions by level, with all that they imply."""

    name: str
    description: str = ""
    is_admin: bool = False
    permissions: dict[str, list[str]] = {}


class Login(Document):
    """To which user a name or an address leads; its id is a hash of it. Void where that user has another one."""

    user_id: int


class Credential(Document):
    """What an application calls the API with: under its role, or in the name of users who let it."""

    name: str
    public_id: str  # `<id>_<random>`
    secret_hash: str  # SHA-256
    role_id: int = 0
    redirect_uris: list[str] = []


class Token(Document):
    """A personal token: whoever shows it is its user."""

    name: str
    user_id: int
    secret_hash: str  # SHA-256
    expires_us: int = 0  # 0: never


Some = TypeVar("Some", bound=Document)


def decode_document(data: bytes, kind: type[Some]) -> Some:
    return msgspec.json.decode(data, type=kind)
