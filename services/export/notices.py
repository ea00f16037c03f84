"""The mail that says that an export is whole, with a link to its file."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from services.common.documents import User
from services.common.envelope import ApiError
from services.common.settings import Settings
from services.common.smtp import Answer, LineDownError, Outcome, SmtpLine
from services.common.user_directory import UserDirectory
from services.export.jobs.job import Job
from services.export.links import Links


class Notices:
    def __init__(self, settings: Settings, users: UserDirectory, links: Links) -> None:
        self._settings, self._users, self._links = settings, users, links

    async def address_of(self, user_id: int) -> str:
        """Where a user gets mails. Raises `ApiError` 400 with why they would get none."""
        if not (self._settings.smtp_url and self._settings.export_url):
            raise _refused("Mails about exports need SPOOR_SMTP_URL and SPOOR_EXPORT_URL.")
        user: User | None = await self._users.user(user_id)
        if user is None or not user.email:
            raise _refused("Your user has no e-mail address.")
        return user.email

    async def tell(self, job: Job) -> Answer:
        """One try."""
        line = SmtpLine(self._settings.smtp_url, self._settings.mail_from)
        try:
            return await line.send(self._written(job), job.notice_to)
        except LineDownError as error:
            return Answer(Outcome.LATER, str(error))
        finally:
            await line.close()

    def _written(self, job: Job) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"] = self._settings.mail_from, job.notice_to
        mail["Subject"] = f"Export: {job.shown_name}"
        mail["Date"], mail["Message-ID"] = formatdate(localtime=False), make_msgid(domain="spoor.invalid")
        mail["Auto-Submitted"] = "auto-generated"
        until = ""
        if job.expires_at:
            until = f" until {datetime.fromtimestamp(job.expires_at, UTC):%Y-%m-%d %H:%M} UTC"
        mail.set_content(
            f"Your export has {job.rows:,} rows. The file is here{until}:\n\n{self._links.link(job)}\n\n"
            "Log in as yourself: the link opens for nobody else.\n"
        )
        return mail


def _refused(text: str) -> ApiError:
    return ApiError(400, text, {"notify": [text]})
