"""Wires the web pages: what each room has, behind the login."""

from __future__ import annotations

from starlette.routing import Route

from services.common.peer import read_networks
from services.common.settings import Settings
from services.contacts.metrics import ContactsMetrics
from services.contacts.stores import Stores
from services.contacts.ui.campaigns.campaigns_page import CampaignsPage
from services.contacts.ui.categories.categories_page import CATEGORIES
from services.contacts.ui.companies.companies_page import CompaniesPage
from services.contacts.ui.contact.contact_dialogs import ContactDialogs
from services.contacts.ui.contact.contact_page import ContactPage
from services.contacts.ui.contact.erasure_dialog import ErasureDialog
from services.contacts.ui.contact.fields_panel import FieldsPanel
from services.contacts.ui.contact.mail_dialog import MailDialog
from services.contacts.ui.contact.membership_dialogs import MembershipDialogs
from services.contacts.ui.contact.merge_dialogs import MergeDialogs
from services.contacts.ui.contact.notes_dialogs import NotesDialogs
from services.contacts.ui.contact.picture import Picture
from services.contacts.ui.contact.preferences_dialog import PreferencesDialog
from services.contacts.ui.desk import Desk
from services.contacts.ui.fields.fields_page import COMPANY_FIELDS, CONTACT_FIELDS, FieldsPage
from services.contacts.ui.forms.forms_page import FormsPage
from services.contacts.ui.inner_api import App, InnerApi
from services.contacts.ui.keeping.keeping_page import KeepingPage
from services.contacts.ui.live.check_page import CheckPage
from services.contacts.ui.live.dashboard_page import DashboardPage
from services.contacts.ui.live.live_page import LivePage
from services.contacts.ui.login_page import LoginPage
from services.contacts.ui.mails.emails_page import EmailsPage
from services.contacts.ui.people.batch_page import BatchPage
from services.contacts.ui.people.edit_page import EditPage
from services.contacts.ui.people.list_page import ListPage
from services.contacts.ui.people.search_page import SearchPage
from services.contacts.ui.points.points_page import GROUPS, TRIGGERS, PointsPage, RulesPage
from services.contacts.ui.segments.segments_page import SegmentsPage
from services.contacts.ui.sessions import Sessions
from services.contacts.ui.settings.settings_page import SettingsPage
from services.contacts.ui.stages.stages_page import STAGES
from services.contacts.ui.tags.tags_page import TAGS
from services.contacts.ui.transfer.export_client import ExportClient
from services.contacts.ui.transfer.exports_page import ExportsPage
from services.contacts.ui.transfer.imports_page import ImportsPage
from services.contacts.ui.transfer.jobs_page import JobsPage
from services.contacts.ui.users.credentials_page import CredentialsPage
from services.contacts.ui.users.me_page import MePage
from services.contacts.ui.users.roles_page import RolesPage
from services.contacts.ui.users.users_page import UsersPage
from services.contacts.ui.webhooks.webhooks_page import WebhooksPage


def is_page(path: str) -> bool:
    """They ask for a login of their own."""
    return path in ("/", "/ui") or path.startswith("/ui/")


def page_routes(stores: Stores, settings: Settings, metrics: ContactsMetrics, api: App) -> list[Route]:
    """Everything below /ui; `api` is called for all that they show and change."""
    sessions = Sessions(stores.logins, read_networks(settings.trusted_proxies))
    desk = Desk(InnerApi(api), sessions, settings, metrics)
    rooms = (
        ListPage(desk),
        SearchPage(desk),
        EditPage(desk),
        BatchPage(desk),
        ContactPage(desk),
        ContactDialogs(desk),
        ErasureDialog(desk),
        FieldsPanel(desk),
        MailDialog(desk),
        MembershipDialogs(desk),
        MergeDialogs(desk),
        NotesDialogs(desk),
        Picture(desk),
        PreferencesDialog(desk),
        ImportsPage(desk),
        ExportsPage(desk, ExportClient(settings)),
        JobsPage(desk),
        DashboardPage(desk),
        LivePage(desk),
        CheckPage(desk),
        CampaignsPage(desk),
        KeepingPage(desk, CATEGORIES),
        RulesPage(desk),
        PointsPage(desk, GROUPS),
        PointsPage(desk, TRIGGERS),
        WebhooksPage(desk),
        EmailsPage(desk),
        FormsPage(desk),
        UsersPage(desk),
        RolesPage(desk),
        CredentialsPage(desk),
        MePage(desk),
        SettingsPage(desk),
        SegmentsPage(desk),
        CompaniesPage(desk),
        FieldsPage(desk, CONTACT_FIELDS),
        FieldsPage(desk, COMPANY_FIELDS),
        KeepingPage(desk, STAGES),
        KeepingPage(desk, TAGS),
    )  # fmt: skip
    served = [pair for room in rooms for pair in room.handlers().items()]
    handlers = dict(served)
    if len(handlers) < len(served):
        raise ValueError("two rooms serve the same path")
    return [*LoginPage(desk).routes(), *desk.assets.routes(), *desk.routes(handlers), desk.nothing_else()]
