"""Wires the contacts service: stores, API and pages behind one login."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from services.common.background import Background, Duty
from services.common.door import ApiDoor
from services.common.envelope import STORES_AWAY, add_error_handlers
from services.common.field_registry import preset_rules
from services.common.openapi import OPENAPI_PATH, Json, document_of, openapi_route
from services.common.peer import read_networks
from services.common.rate_limit import RateLimit
from services.common.service import end_process_if_failed, operation_routes
from services.common.settings import Settings, SettingsError, load_settings
from services.common.timing import Timed
from services.contacts.audit.audit_api import AuditApi
from services.contacts.campaigns.campaigns_api import CampaignsApi
from services.contacts.campaigns.events_api import CampaignEventsApi
from services.contacts.companies.api import CompaniesApi
from services.contacts.directory_api import DirectoryApi
from services.contacts.docs.docs import CSS_PATH, DOCS_PATH, docs_routes
from services.contacts.docs.not_served import why_not
from services.contacts.fields.api import COMPANY, FieldsApi
from services.contacts.forms.api import SubmissionsApi
from services.contacts.imports.api import ImportsApi
from services.contacts.imports.expiry import ImportExpiry
from services.contacts.imports.process import ImportProcess
from services.contacts.jobs.api import JobsApi
from services.contacts.jobs.runner import EVERY_SECONDS as JOBS_EVERY_SECONDS
from services.contacts.jobs.runner import JobRunner
from services.contacts.mail.api import MailApi
from services.contacts.mail.broadcast_api import BroadcastApi
from services.contacts.mail.emails_api import EmailsApi
from services.contacts.mail.postman import Postman
from services.contacts.mail.replies_api import RepliesApi
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.actions_api import ActionsApi
from services.contacts.people.api import ContactsApi
from services.contacts.people.contact_batch import contact_batch_api
from services.contacts.people.devices_api import DevicesApi
from services.contacts.people.duplicates_api import DuplicatesApi
from services.contacts.people.erasures_api import ErasuresApi
from services.contacts.people.membership_api import MembershipApi
from services.contacts.people.merges_api import MergesApi
from services.contacts.people.tags_api import TagsApi
from services.contacts.people.utm_api import UtmApi
from services.contacts.points.api import PointsApi
from services.contacts.points.group_resource import GROUPS
from services.contacts.points.rules import EVERY_SECONDS, PointRules
from services.contacts.points.scores_api import ScoresApi
from services.contacts.points.triggers_api import TriggersApi
from services.contacts.presence.image_api import ImageApi
from services.contacts.presence.links_api import LinksApi
from services.contacts.records.api import RecordsApi, Resource
from services.contacts.records.assets_api import AssetsApi
from services.contacts.records.categories_api import CategoriesApi
from services.contacts.records.form_resource import FORMS
from services.contacts.records.link_resources import LINKS
from services.contacts.records.registry_resources import NOTES
from services.contacts.records.stages_api import StagesApi
from services.contacts.segments.api import SegmentsApi
from services.contacts.segments.comparison import Comparison
from services.contacts.segments.members_api import SegmentMembersApi
from services.contacts.stats.api import StatsApi
from services.contacts.stores import Stores
from services.contacts.timeline.activity_api import ActivityApi
from services.contacts.tracking.bots_api import BotsApi
from services.contacts.tracking.clickthrough_api import ClickthroughApi
from services.contacts.tracking.tracking_events_api import TrackingEventsApi
from services.contacts.ui.site import is_page, page_routes
from services.contacts.users.credentials_api import CREDENTIALS, CredentialsApi
from services.contacts.users.guard import guarded
from services.contacts.users.oauth_api import PATHS as OAUTH_PATHS
from services.contacts.users.oauth_api import OAuthApi
from services.contacts.users.roles_api import RolesApi
from services.contacts.users.tokens_api import TokensApi
from services.contacts.users.user_body import ROLES
from services.contacts.users.users_api import UsersApi
from services.contacts.waiting import Waiting
from services.contacts.webhooks.api import HooksApi
from services.contacts.webhooks.deliveries import Deliveries
from services.contacts.webhooks.event_feed import EventFeed
from services.contacts.webhooks.save_feed import SaveFeed

OPEN_PATHS = frozenset({"/livez", "/readyz", "/metrics", OPENAPI_PATH, DOCS_PATH, CSS_PATH, *OAUTH_PATHS})
OLD_PATHS = {"/api/leads": "/api/contacts"}
AUDIT_SECONDS = 1.0
RESOURCES: tuple[Resource[Any], ...] = (LINKS, FORMS, NOTES)


def create_app(settings: Settings | None = None) -> Timed:
    settings = settings or load_settings()
    if not settings.admin_password:
        raise SettingsError("SPOOR_ADMIN_PASSWORD is required: the API has no other login")
    if not settings.secret:
        raise SettingsError("SPOOR_SECRET is required: it keys the click-throughs")
    stores, metrics = Stores(settings), ContactsMetrics()
    stores.hooks.on_drop = metrics.webhook_notes_dropped.add
    background = Background(stores.redis, duties(stores, settings, metrics), lambda: stores.is_open)
    background.on_failure = metrics.count_failure
    waiting = Waiting(stores, metrics)
    limit = RateLimit(settings.redis_url, "api", settings.api_rate_limiter_limit, settings.api_rate_limiter_seconds)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        opening = asyncio.create_task(stores.open())
        working, looking = asyncio.create_task(background.run()), asyncio.create_task(waiting.run_forever())
        for task in (working, looking):
            task.add_done_callback(end_process_if_failed)
        yield
        for task in (opening, working, looking):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        with contextlib.suppress(*STORES_AWAY):
            await background.release()
        await limit.close()
        await stores.close()

    api, oauth = api_routes(stores, settings, metrics), OAuthApi(stores, settings).routes()
    document = describe([*api, *oauth])
    app = Starlette(
        routes=[
            *operation_routes(metrics, stores.trouble),
            *guarded(stores, api),
            *oauth,
            openapi_route(document),
            *docs_routes(document),
        ],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    add_error_handlers(app, why_not)
    app.router.routes.extend(page_routes(stores, settings, metrics, app))
    door = ApiDoor(app, stores.logins, is_open, OLD_PATHS, limit, read_networks(settings.trusted_proxies))
    return Timed(door, metrics.request_seconds, request_kind)


def request_kind(method: str, path: str) -> str:
    """As it is counted."""
    if is_page(path):
        return "page"
    return "read" if method in ("GET", "HEAD") else "write"


def is_open(path: str) -> bool:
    """What the door lets in without a login: what needs none, and the pages, which ask for it themselves."""
    return path in OPEN_PATHS or is_page(path)


def describe(routes: Sequence[Route]) -> Json:
    """The OpenAPI document."""
    return document_of("Spoor contacts", routes)


def duties(stores: Stores, settings: Settings, metrics: ContactsMetrics) -> tuple[Duty, ...]:
    """What is done beside the requests."""

    async def work_off_audit() -> None:
        await stores.audit.work_off(stores.clickhouse)

    return (
        *((Postman(stores, settings, metrics).duty(),) if settings.smtp_url else ()),
        Duty("audit", AUDIT_SECONDS, work_off_audit),
        Duty("jobs", JOBS_EVERY_SECONDS, JobRunner(stores, settings.job_contacts_per_second).work),
        ImportProcess(stores).duty(),
        ImportExpiry(stores, settings.import_days, settings.admin_user).duty(),
        Duty("webhooks", 1.0, Deliveries(stores, settings, metrics).work),
        Duty("webhook-events", 1.0, EventFeed(stores).work),
        Duty("webhook-saves", 2.0, SaveFeed(stores).work),
        Duty("points", EVERY_SECONDS, PointRules(stores).work),
        Duty("segments", settings.segment_seconds, Comparison(stores, settings.clickhouse_url).work),
    )


def api_routes(stores: Stores, settings: Settings, metrics: ContactsMetrics) -> list[Route]:
    """Everything below /api."""
    user = settings.admin_user
    return [
        *contact_batch_api(stores, user, metrics).routes(),  # before /{id}
        *DuplicatesApi(stores).routes(),
        *JobsApi(stores, user, metrics).routes(),
        *ImportsApi(stores, user, metrics, settings.import_max_bytes).routes(),
        *DirectoryApi(stores).routes(),
        *UsersApi(stores, user, metrics).routes(),
        *RolesApi(stores, user, metrics, ROLES).routes(),
        *TokensApi(stores, user).routes(),
        *CredentialsApi(stores, user, metrics, CREDENTIALS).routes(),
        *AuditApi(stores).routes(),
        *ActionsApi(stores, user, metrics).routes(),
        *MembershipApi(stores, user, metrics).routes(),
        *MergesApi(stores, user, metrics).routes(),
        *ErasuresApi(stores, user, metrics).routes(),
        *TagsApi(stores, user, metrics).routes(),
        *UtmApi(stores, user, metrics).routes(),
        *DevicesApi(stores, user, metrics).routes(),
        *ImageApi(stores, user, metrics, settings.image_max_bytes).routes(),
        *LinksApi(stores, user, metrics).routes(),
        *SegmentsApi(stores, user, metrics).routes(),
        *SegmentMembersApi(stores, user, metrics).routes(),
        *ActivityApi(stores, metrics).routes(),
        *ContactsApi(stores, user, metrics).routes(),
        *CompaniesApi(stores, user, metrics).routes(),
        *(route for resource in RESOURCES for route in RecordsApi(stores, user, metrics, resource).routes()),
        *AssetsApi(stores, user, metrics).routes(),
        *CampaignsApi(stores, user, metrics).routes(),
        *CategoriesApi(stores, user, metrics).routes(),
        *StagesApi(stores, user, metrics).routes(),
        *FieldsApi(stores, user, preset_rules(settings)).routes(),
        *FieldsApi(stores, user, preset_rules(settings), COMPANY).routes(),
        *BotsApi(stores).routes(),
        *StatsApi(stores, metrics, settings.streams).routes(),
        *HooksApi(stores, user, metrics).routes(),
        *SubmissionsApi(stores, metrics).routes(),
        *TriggersApi(stores, user, metrics).routes(),  # before /{id}
        *RecordsApi(stores, user, metrics, GROUPS).routes(),
        *ScoresApi(stores, user, metrics).routes(),
        *PointsApi(stores, user, metrics).routes(),
        *TrackingEventsApi(stores).routes(),
        *ClickthroughApi(stores, settings.secret).routes(),
        *EmailsApi(stores, user, metrics, settings).routes(),
        *MailApi(stores, user, settings).routes(),
        *BroadcastApi(stores, user, settings).routes(),
        *RepliesApi(stores).routes(),
        *CampaignEventsApi(stores, user).routes(),
    ]
