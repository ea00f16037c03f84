"""Templates of mails: the list, one while it is written, how it looks, and its sending to segments."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.keeping.choices import categories_of, choices_of
from services.contacts.ui.keeping.keeping_page import KeepingPage
from services.contacts.ui.keeping.kept import SEVERAL, Column, FormField, Json, Kept, rights_of
from services.contacts.ui.words import count, when

TYPES = {"template": "single contacts", "list": "its segments"}
_TOKENS = "{contactfield=firstname|you} is the contact's, {unsubscribe_url} and {webview_url} are links."
_TIME = "In UTC; blank for none. 2026-01-31 10:00, tomorrow 9:30, next monday."
# What somebody wrote as a mail is shown apart from our pages: no script, no form, nothing of ours is in reach, and it
# leads nowhere. Pictures may come from where they are.
PREVIEW_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
EMAILS = Kept(
    path="/ui/emails",
    api="/api/emails",
    singular="email",
    plural="emails",
    one="template",
    many="templates",
    columns=(
        Column("name", "Name", order="name"),
        Column("subject", "Subject"),
        Column("emailType", "To", show=lambda email: TYPES[email["emailType"]]),
        Column("sentCount", "Sent", kind="number"),
        Column("readCount", "Opened", kind="number"),
        Column("isPublished", "Published", order="is_published", kind="flag"),
    ),
    fields=(
        FormField("name", "Name", is_required=True),
        FormField("subject", "Subject", help="The name where it is blank. Fields of the contact may stand in it."),
        FormField("customHtml", "HTML", "textarea", help=_TOKENS),
        FormField("plainText", "Plain text", "textarea", help="Made from the HTML where it is blank."),
        FormField("emailType", "To", "choice", choices=list(TYPES.items()), blank=None, usual="template"),
        FormField("lists", "Segments", SEVERAL, loads=choices_of("/api/segments", "lists")),
        FormField("assetAttachments", "Attached files", SEVERAL, loads=choices_of("/api/assets", "assets", "title"),
                  help="Files from the places that SPOOR_ATTACHMENT_SOURCES names."),
        FormField("fromName", "From: name", group="Who it is from", help="Blank: as in the settings."),
        FormField("fromAddress", "From: address", "email"),
        FormField("replyToAddress", "Answers go to", "email"),
        FormField("publishUp", "From", group="When it may be sent", help=_TIME),
        FormField("publishDown", "Until"),
        FormField("isPublished", "Published: it may be sent", "flag", usual=True),
        FormField("language", "Language", group="More", usual="en"),
        FormField("category", "Category", "choice", loads=categories_of("email", "global")),
        FormField("description", "Description", "textarea"),
    ),
    rights=rights_of("email:emails", "own"),
    about="A template is a mail that is written once and sent to many, or to one contact at a time.",
    gone="What waits to be sent is not sent. What was sent stays in the histories.",
    has_page=True,
)  # fmt: skip


class EmailsPage(KeepingPage):
    form_template = "mails/form.html"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, EMAILS)

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        one = f"{EMAILS.path}/{{id:id}}"
        return {
            **super().handlers(),
            one: {"GET": self.show},
            f"{one}/preview": {"GET": self.preview},
            f"{one}/send": {"GET": self.ask_send, "POST": self.send},
        }

    async def body(self, said: Json, thing: Json | None) -> Json:
        """A blank subject of a new one is its name, as the API has it where nothing is said."""
        return {name: value for name, value in said.items() if thing or name != "subject" or value}

    async def show(self, request: Request) -> Response:
        email = await self.one(request)
        segments = dict(await choices_of("/api/segments", "lists")(self._desk.api)) if email["lists"] else {}
        times = [(label, when(email[name])) for name, label in (("publishUp", "From"), ("publishDown", "Until"))
                 if email[name]]  # fmt: skip
        return self._desk.page(
            request, "mails/email.html", has_frames=True, email=email, types=TYPES, times=times,
            segments=[(one["id"], segments.get(str(one["id"]), str(one["id"]))) for one in email["lists"]],
            has_server=bool(self._desk.settings.smtp_url),
        )  # fmt: skip

    async def preview(self, request: Request) -> Response:
        """Its HTML as it was written, for a frame of the page."""
        return Response((await self.one(request))["customHtml"], 200, PREVIEW_HEADERS, media_type="text/html")

    async def ask_send(self, request: Request) -> Response:
        email = await self.one(request)
        found = await self._desk.api.get(f"{EMAILS.api}/{email['id']}/recipients")
        text = f"{count(found['recipients'])} in its segments may be mailed and were never sent it: each gets it once."
        return self._desk.ask(
            request, f"Send {email['name']}?", text, f"Send to {count(found['recipients'])}",
            f"{EMAILS.path}/{email['id']}", is_danger=False,
        )  # fmt: skip

    async def send(self, request: Request) -> Response:
        email_id = request.path_params["id"]
        sent = (await self._desk.api.send("POST", f"{EMAILS.api}/{email_id}/send"))["sentCount"]
        said = f"{count(sent)} mails are queued." if sent != 1 else "1 mail is queued."
        return self._desk.go(request, f"{EMAILS.path}/{email_id}", said)
