"""What webhooks can be told of, by the names on the wire. Pure."""

from __future__ import annotations

from services.common.event_types import EMAIL_READ, EMAIL_SENT, FORM_SUBMITTED, PAGE_HIT, SEGMENT_MEMBERSHIP

CONTACT_NEW = "mautic.lead_post_save_new"
CONTACT_UPDATE = "mautic.lead_post_save_update"
CONTACT_POINTS = "mautic.lead_points_change"
CONTACT_DELETE = "mautic.lead_post_delete"
CONTACT_CHANNEL = "mautic.lead_channel_subscription_changed"
CONTACT_COMPANY = "mautic.lead_company_change"
CONTACT_SEGMENT = "mautic.lead_list_change"
COMPANY_SAVE = "mautic.company_post_save"
COMPANY_DELETE = "mautic.company_post_delete"
MAIL_SENT = "mautic.email_on_send"
MAIL_OPENED = "mautic.email_on_open"
FORM_SENT = "mautic.form_on_submit"
PAGE_SEEN = "mautic.page_on_hit"

TRIGGERS = {
    CONTACT_NEW: ("Contact Identified Event", "A contact is created, or an anonymous visitor becomes known."),
    CONTACT_UPDATE: ("Contact Updated Event", "A known contact is changed."),
    CONTACT_POINTS: ("Contact Points Changed Event", "The points of a contact change."),
    CONTACT_DELETE: ("Contact Deleted Event", "A contact is deleted."),
    CONTACT_CHANNEL: (
        "Contact Channel Subscription Change Event",
        "A contact does no longer want to be contacted by a channel, or wants it again.",
    ),
    CONTACT_COMPANY: ("Contact Company Subscription Change Event", "A contact joins or leaves a company."),
    CONTACT_SEGMENT: ("Contact Segment Membership Change Event", "A contact comes into a segment or leaves it."),
    COMPANY_SAVE: ("Company Create/Update Event", "A company is created or changed."),
    COMPANY_DELETE: ("Company Deleted Event", "A company is deleted."),
    MAIL_SENT: ("Email Send Event", "A mail is sent."),
    MAIL_OPENED: ("Email Open Event", "A mail is opened."),
    FORM_SENT: ("Form Submit Event", "A form is submitted."),
    PAGE_SEEN: ("Page Hit Event", "A page is visited."),
}

# What is told of events, whoever stored them; who sends mails has only to store `email.sent`.
EVENT_TYPES = {
    CONTACT_SEGMENT: SEGMENT_MEMBERSHIP,
    MAIL_SENT: EMAIL_SENT,
    MAIL_OPENED: EMAIL_READ,
    FORM_SENT: FORM_SUBMITTED,
    PAGE_SEEN: PAGE_HIT,
}
TRIGGER_OF = {event_type: trigger for trigger, event_type in EVENT_TYPES.items()}
