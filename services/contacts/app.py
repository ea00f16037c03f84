"""Wires the contacts service: stores, API and pages behind one login."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from services.common.door import ApiDoor
from services.common.envelope import STORES_AWAY, add_error_handlers
from services.common.field_registry import preset_rules
from services.common.openapi import OPENAPI_PATH, openapi_route
from services.common.peer import read_networks
from services.common.rate_limit import RateLimit
from services.common.service import end_process_if_failed, operation_routes
from services.common.settings import Settings, SettingsError, load_settings
from services.contacts.audit.audit_api import AuditApi
from services.contacts.background import Background, Duty
from services.contacts.companies.api import CompaniesApi
from services.contacts.directory_api import DirectoryApi
from services.contacts.fields.api import COMPANY, FieldsApi
from services.contacts.metrics import ContactsMetrics
from services.contacts.openapi import DOCUMENT
from services.contacts.people.actions_api import ActionsApi
from services.contacts.people.api import ContactsApi
from services.contacts.people.batch_api import BatchApi
from services.contacts.people.devices_api import DevicesApi
from services.contacts.people.membership_api import MembershipApi
from services.contacts.people.tags_api import TagsApi
from services.contacts.people.utm_api import UtmApi
from services.contacts.records.api import RecordsApi, Resource
from services.contacts.records.form_resource import FORMS
from services.contacts.records.link_resources import ASSETS, LINKS
from services.contacts.records.registry_resources import CAMPAIGNS, CATEGORIES, NOTES, STAGES
from services.contacts.segments.api import SegmentsApi
from services.contacts.segments.members_api import SegmentMembersApi
from services.contacts.stores import Stores
from services.contacts.tracking.bots_api import BotsApi
from services.contacts.tracking.clickthrough_api import ClickthroughApi
from services.contacts.tracking.tracking_events_api import TrackingEventsApi
from services.contacts.ui.pages import Pages
from services.contacts.users.credentials_api import CREDENTIALS, CredentialsApi
from services.contacts.users.guard import guarded
from services.contacts.users.oauth_api import PATHS as OAUTH_PATHS
from services.contacts.users.oauth_api import OAuthApi
from services.contacts.users.roles_api import RolesApi
from services.contacts.users.tokens_api import TokensApi
from services.contacts.users.user_body import ROLES
from services.contacts.users.users_api import UsersApi

OPEN_PATHS = frozenset({"/livez", "/readyz", "/metrics", OPENAPI_PATH, *OAUTH_PATHS})
AUDIT_SECONDS = 1.0
RESOURCES: tuple[Resource[Any], ...] = (LINKS, ASSETS, FORMS, NOTES, STAGES, CATEGORIES, CAMPAIGNS)


def create_app(settings: Settings | None = None) -> ApiDoor:
    settings = settings or load_settings()
    if not settings.admin_password:
        raise SettingsError("SPOOR_ADMIN_PASSWORD is required: the API has no other login")
    if not settings.secret:
        raise SettingsError("SPOOR_SECRET is required: it keys the click-throughs")
    stores, metrics = Stores(settings), ContactsMetrics()
    background, pages = Background(stores, duties(stores)), Pages(stores, settings.secret, metrics)
    limit = RateLimit(settings.redis_url, "api", settings.api_rate_limiter_limit, settings.api_rate_limiter_seconds)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        opening = asyncio.create_task(stores.open())
        working = asyncio.create_task(background.run())
        working.add_done_callback(end_process_if_failed)
        yield
        for task in (opening, working):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        with contextlib.suppress(*STORES_AWAY):
            await background.release()
        await limit.close()
        await stores.close()

    app = Starlette(
        routes=[
            *operation_routes(metrics.registry, stores.trouble),
            *guarded(stores, [*api_routes(stores, settings, metrics), *pages.routes()]),
            *OAuthApi(stores, settings).routes(),
            openapi_route(DOCUMENT),
        ],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    add_error_handlers(app)
    return ApiDoor(
        app, stores.logins, OPEN_PATHS.__contains__, limit=limit, trusted=read_networks(settings.trusted_proxies)
    )


def duties(stores: Stores) -> tuple[Duty, ...]:
    """What is done beside the requests."""

    async def work_off_audit() -> None:
        await stores.audit.work_off(stores.clickhouse)

    return (Duty("audit", AUDIT_SECONDS, work_off_audit),)


def api_routes(stores: Stores, settings: Settings, metrics: ContactsMetrics) -> list[Route]:
    """Everything below /api."""
    user = settings.admin_user
    return [
        *BatchApi(stores, user, metrics).routes(),  # before /{id}
        *DirectoryApi(stores).routes(),
        *UsersApi(stores, user, metrics).routes(),
        *RolesApi(stores, user, metrics, ROLES).routes(),
        *TokensApi(stores, user).routes(),
        *CredentialsApi(stores, user, metrics, CREDENTIALS).routes(),
        *AuditApi(stores).routes(),
        *ActionsApi(stores, user, metrics).routes(),
        *MembershipApi(stores, user, metrics).routes(),
        *TagsApi(stores, user, metrics).routes(),
        *UtmApi(stores, user, metrics).routes(),
        *DevicesApi(stores).routes(),
        *SegmentsApi(stores, user, metrics).routes(),
        *SegmentMembersApi(stores, user, metrics).routes(),
        *ContactsApi(stores, user, metrics).routes(),
        *CompaniesApi(stores, user, metrics).routes(),
        *(route for resource in RESOURCES for route in RecordsApi(stores, user, metrics, resource).routes()),
        *FieldsApi(stores, user, preset_rules(settings)).routes(),
        *FieldsApi(stores, user, preset_rules(settings), COMPANY).routes(),
        *BotsApi(stores).routes(),
        *TrackingEventsApi(stores).routes(),
        *ClickthroughApi(stores, settings.secret).routes(),
    ]
