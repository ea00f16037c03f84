"""Every type of event that a history knows: its key on the wire and its label. Pure."""

from __future__ import annotations

PAGE_HIT = "page.hit"
PAGE_LEAVE = "page.leave"  # how long a page was looked at: shown with its page hit, no entry of its own
VIDEO_HIT = "page.videohit"
FORM_SUBMITTED = "form.submitted"
EMAIL_READ = "email.read"
EMAIL_REPLIED = "email.replied"
EMAIL_SENT = "email.sent"
EMAIL_FAILED = "email.failed"
MESSAGE_QUEUE = "message.queue"
CAMPAIGN_EVENT = "campaign.event"
CAMPAIGN_EVENT_SCHEDULED = "campaign.event.scheduled"
ASSET_DOWNLOAD = "asset.download"
UTM = "lead.utmtagsadded"
POINT_GAINED = "point.gained"
STAGE_CHANGED = "stage.changed"
DO_NOT_CONTACT = "lead.donotcontact"
CAMPAIGN_MEMBERSHIP = "campaign_membership"
SEGMENT_MEMBERSHIP = "segment_membership"
IDENTIFIED = "lead.identified"
CREATED = "lead.create"
IP_ADDED = "lead.ipadded"  # told by hits, too
API_ADDED = "lead.apiadded"
IMPORTED = "lead.imported"
SOURCE_CREATED = "lead.source.created"
SOURCE_IDENTIFIED = "lead.source.identified"

# What a contact's profile or another event tells by itself: nobody reports it.
TOLD_BY_OTHERS = frozenset({CREATED, API_ADDED, SOURCE_CREATED, IDENTIFIED, SOURCE_IDENTIFIED, UTM})

_TYPES = {
    IP_ADDED: "Accessed from IP",
    API_ADDED: "Added through API",
    ASSET_DOWNLOAD: "Asset downloaded",
    CAMPAIGN_EVENT_SCHEDULED: "Campaign event scheduled",
    CAMPAIGN_EVENT: "Campaign action triggered",
    CAMPAIGN_MEMBERSHIP: "Campaign membership change",
    CREATED: "Contact created",
    SOURCE_CREATED: "Contact created by source",
    IDENTIFIED: "Contact identified",
    SOURCE_IDENTIFIED: "Contact identified by source",
    DO_NOT_CONTACT: "Do not contact",
    "dynamic.content.sent": "Dynamic Content Triggered",
    EMAIL_FAILED: "Email failed",
    EMAIL_READ: "Email read",
    EMAIL_REPLIED: "Email replied",
    EMAIL_SENT: "Email sent",
    FORM_SUBMITTED: "Form submitted",
    IMPORTED: "Imported",
    "integration_sync_issues": "Integration sync notice",
    MESSAGE_QUEUE: "Message Queue",
    PAGE_HIT: "Page hit",
    POINT_GAINED: "Point gained",
    SEGMENT_MEMBERSHIP: "Segment membership change",
    STAGE_CHANGED: "Stage changed",
    "sms.failed": "Text message failed",
    "sms_reply": "Text message received",
    "sms.sent": "Text message sent",
    UTM: "UTM tags recorded",
    VIDEO_HIT: "Video view event",
}
TYPES = dict(sorted(_TYPES.items(), key=lambda entry: entry[1].lower()))  # in the order in which they are answered
REPORTED_TYPES = frozenset(TYPES) - TOLD_BY_OTHERS
