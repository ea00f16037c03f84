"""The resources of the replaced product that are not served, and why. Pure."""

from __future__ import annotations

NOT_SERVED = {
    "messages": "marketing messages over several channels: nothing here chooses a channel for a contact",
    "smses": "text messages: nothing here sends them; their do-not-contact is kept",
    "notifications": "web and mobile notifications: nothing here sends them; their do-not-contact is kept",
    "pages": "landing pages: they are the site's, and are tracked there",
    "dynamiccontents": "content that changes by visitor: it is the site's",
    "focus": "pop-ups: they are the site's",
    "tweets": "posts to social networks: nothing here writes them",
    "themes": "looks of mails and pages: mails come with their own HTML",
    "files": "files of mails and pages: they are kept elsewhere; an asset has the address of its file",
    "reports": "reports: the export service writes files, and ClickHouse answers SQL",
    "stats": "rows of database tables: a history is at /api/contacts/{id}/activity, and ClickHouse answers SQL",
    "data": "the widgets of a dashboard: there is none",
}


def why_not(path: str) -> str:
    """Why a path below /api is not served, '' where there is nothing to say of it."""
    name = path.removeprefix("/api/").partition("/")[0]
    return NOT_SERVED.get(name, "") if path.startswith("/api/") else ""
