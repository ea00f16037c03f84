"""How a submitted form is answered: as JSON, as a page that posts the JSON to its parent, or by leading on. Pure."""

from __future__ import annotations

import base64
import hashlib
import html
from typing import Any, NamedTuple

import msgspec

from services.common.documents import Form
from services.common.harmless_html import harmless_html, has_tag
from services.ingest.answers import Headers
from services.ingest.submission import Answer, redirect_url, with_word

THANKS = "Thank you."
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><body style="font:1.1rem system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem">
<div role="status">{text}</div></body></html>"""
_MESSENGER, _TELLS = "<!doctype html><title>form</title><script>{script}</script>", "parent.postMessage({text}, '*')"
# Pages of forms may be shown within those of a site.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'"
WORD_HEADERS = {"content-security-policy": _POLICY}
ASKING_HEADERS = {"content-security-policy": f"{_POLICY}; frame-ancestors 'none'", "x-frame-options": "DENY"}


class Outcome(NamedTuple):
    """What became of a submission. It failed by `errors`, by field, or by `failure`; `status` says if it was kept."""

    form: Form | None
    results: dict[str, str]
    errors: dict[str, str] = {}
    failure: str = ""
    status: int = 200
    cookies: Headers = []

    @property
    def is_success(self) -> bool:
        return not self.errors and not self.failure

    def redirect(self) -> str:
        """Where the form sends whoever submits it; empty when it does not."""
        is_redirect = self.form is not None and self.form.post_action == "redirect"
        return redirect_url(self.form, self.results) if self.form and is_redirect and self.is_success else ""

    def word(self) -> str:
        """What the submitter is told: text, or HTML where whoever made the form has written some."""
        if self.is_success:
            return harmless_html(self._message())
        return self.failure or "\n".join(self._named_errors())

    def word_html(self) -> str:
        """The same to be shown. Only the form's own message is HTML: errors may quote what strangers typed."""
        return self.word() if self.is_success and has_tag(self._message()) else as_html(self.word())

    def _message(self) -> str:
        return self.form.post_action_property if self.form and self.form.post_action != "redirect" else ""

    def _named_errors(self) -> list[str]:
        labels = {field.alias: field.label for field in self.form.fields} if self.form else {}
        return [f"{labels.get(alias, alias)}: {text}" for alias, text in self.errors.items()]


def as_object(outcome: Outcome, answer: Answer) -> dict[str, Any]:
    """The JSON of the messenger and ajax modes."""
    said: dict[str, Any] = {"success": int(outcome.is_success)}
    if outcome.is_success:
        said["results"] = outcome.results
        if target := outcome.redirect():
            said["redirect"] = target
        else:
            said["successMessage"] = outcome.word_html() or THANKS
    elif outcome.errors:
        said["validationErrors"] = outcome.errors
    else:
        said["errorMessage"] = outcome.failure
    if answer.form_name:
        said["formName"] = answer.form_name
    return said


def as_wrapped_object(outcome: Outcome, answer: Answer) -> dict[str, Any]:
    """The same for `/form/submit/ajax`."""
    said = as_object(outcome, answer)
    kind = "notice" if outcome.is_success else "error"
    return {**said, "success": outcome.is_success, "message": outcome.word_html(), "type": kind}


def messenger_page(said: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The page and its headers. Its only job is to tell the page around it. Nothing that a stranger typed can end the
    script, and no other one runs."""
    text = msgspec.json.encode(msgspec.json.encode(said).decode()).decode()
    script = _TELLS.format(text=text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return _MESSENGER.format(script=script), {"content-security-policy": policy}


def plain_target(outcome: Outcome, answer: Answer) -> str:
    """Where a browser without script is led; empty when the word goes on a page of our own."""
    if outcome.is_success:
        if target := outcome.redirect():
            return target
        if outcome.form and outcome.form.post_action == "return" and answer.return_url:
            word = outcome.word()
            return with_word(answer.return_url, "mauticMessage", word) if word else answer.return_url
        return ""
    if not answer.return_url:
        return ""
    alias = outcome.form.alias if outcome.form else ""
    return with_word(answer.return_url, "mauticError", outcome.word_html(), alias)


def word_page(words: str, title: str = "Form") -> str:
    """`words` is HTML."""
    return _PAGE.format(title=html.escape(title), text=words)


def button_page(text: str, title: str, action: str) -> str:
    """A page that asks, with one button, which posts to `action`."""
    words, button = f'<p>{as_html(text)}</p><form method=post action="{html.escape(action)}">', html.escape(title)
    asked = f'{words}<button style="font:inherit;padding:.5rem 1rem">{button}</button></form>'
    return _PAGE.format(title=button, text=asked)


def as_html(text: str) -> str:
    return html.escape(text).replace("\n", "<br />")
