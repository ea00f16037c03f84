set positional-arguments
set shell := ["sh", "-euc"]

python := ".venv/bin/python"

# The verbs
default:
    @.venv/bin/just --list --unsorted

# Run everything here: embedded servers, all services, a demo shop (--port-base 9000 where ports are taken)
[no-exit-message]
up *arguments:
    @exec {{ python }} -m deploy.up "$@"

# One screen that says what is well and what is not (--watch, --json; status 1: something is not)
[no-exit-message]
status *arguments:
    @exec {{ python }} -m deploy.run deploy.status "$@"

# All tests; arguments go to pytest. What only tests of the deployment need is installed here, not for `up`
test *arguments:
    @.venv/bin/uv pip install --quiet --no-config --python {{ python }} --no-deps --require-hashes -r requirements/deploy.txt || {{ python }} -m pip install --quiet --no-deps --require-hashes -r requirements/deploy.txt
    @{{ python }} -m pytest "$@"

# Formatting, lint, types and the walls between the services
check:
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .
    .venv/bin/mypy
    .venv/bin/lint-imports
    {{ python }} -m services.common.settings | diff - .env.example

# Put the code into shape
format:
    .venv/bin/ruff check --fix .
    .venv/bin/ruff format .

# Import contacts from a CSV or XLSX file, with a progress bar (--preview, --map HEADER=FIELD, --tag, --resume ID)
[no-exit-message]
import *arguments:
    @exec {{ python }} -m deploy.run services.contacts.imports.cli "$@"

# Bring the ClickHouse schema up to date
migrate:
    {{ python }} -m deploy.run services.common.migrate

# Judge the hits of bots anew, and bring back those of who is none any more (--dry-run only says whose)
reclassify *arguments:
    @{{ python }} -m deploy.run services.identity.tools.reclassify "$@"

# Make Redis anew from ClickHouse after a total loss (--dry-run; --force where it holds something already)
rebuild-redis *arguments:
    @{{ python }} -m deploy.run services.identity.tools.rebuild_redis "$@"

# Say which contacts share unique values; --apply merges them, and claims what nobody holds
dedupe *arguments:
    @{{ python }} -m deploy.run services.identity.tools.dedupe "$@"

# Remove what is past its retention: old events, and anonymous visitors who did not come back (--dry-run)
prune *arguments:
    @{{ python }} -m deploy.run services.identity.tools.prune "$@"

# Say what is wrong between profiles, unique values, aliases, devices and ClickHouse (--fix mends it; status 3: something is)
[no-exit-message]
check-identity *arguments:
    @{{ python }} -m deploy.run services.identity.tools.check_identity "$@"

# Erase people for good: contact ids, e-mail addresses, device ids (--dry-run; --by NAME for the audit)
erase *arguments:
    @{{ python }} -m deploy.run services.identity.tools.erase "$@"

# How many of everything a load needs: --hits-per-day 1e9 --contacts 5e7 (--identified-share, --retention-days, --peak-factor, --json)
[no-exit-message]
size *arguments:
    @{{ python }} -m deploy.sizing.size "$@"

# Dependencies: known faults where an advisory service can be reached; locks, licences and releases in any case
[no-exit-message]
audit *arguments:
    @{{ python }} -m deploy.audit.audit "$@"

# Write .env.example anew from the settings
env-example:
    {{ python }} -m services.common.settings > .env.example

# Write docs/metrics.md anew from what the services count
metrics-page:
    {{ python }} -m deploy.observability.metrics_page > docs/metrics.md

# Write the Grafana dashboards anew from their description
dashboards:
    {{ python }} -m deploy.observability.dashboards

# Write the lock files anew: names and hashes only
lock:
    for name in base dev; do .venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links -o requirements/$name.txt requirements/$name.in; done
    .venv/bin/uv pip compile --quiet --upgrade --universal --no-deps --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links -o requirements/deploy.txt requirements/deploy.in

# How many hits a second ingest keeps, beside its baselines
bench-accept *arguments:
    @{{ python }} -m loadtests.bench_accept "$@"

# How many events a second ingest takes through /v1/batch, beside single hits
bench-batch *arguments:
    @{{ python }} -m loadtests.bench_batch "$@"

# What a hit costs that Redis does not take and the spill does
bench-spill *arguments:
    @{{ python }} -m loadtests.bench_spill "$@"

# How many hits a second one resolver drains
bench-drain *arguments:
    @{{ python }} -m loadtests.bench_drain "$@"

# What identity costs with a million contacts and with ten: drains, merges, undoes, /v1/resolve, Redis bytes
bench-identity *arguments:
    @{{ python }} -m loadtests.bench_identity "$@"

# Lists, searches, histories and writes of contacts, with a million of them and with ten
bench-contacts *arguments:
    @{{ python }} -m loadtests.bench_contacts "$@"

# What the web pages answer in beside the API, how large they are, and how soon a browser shows something
bench-pages *arguments:
    @{{ python }} -m loadtests.bench_pages "$@"

# How long an export of a million contacts takes in every format, and how much memory
bench-export *arguments:
    @{{ python }} -m loadtests.bench_export "$@"

# How many rows of a file a second become contacts, and how much memory that takes (--beside ingest)
bench-import *arguments:
    @{{ python }} -m loadtests.bench_import "$@"

# How many contacts a second rebuild-redis puts into an empty Redis
bench-rebuild *arguments:
    @{{ python }} -m loadtests.bench_rebuild "$@"

# What hits and contacts take once they are stored: bytes of ClickHouse by table, of Redis, CPU of each process
bench-size *arguments:
    @{{ python }} -m loadtests.bench_size "$@"

# Realistic traffic end to end, faults, and the loss ledger
bench-e2e *arguments:
    @{{ python }} -m loadtests.bench_e2e "$@"

# What goes wrong under load, one thing after the other, and the loss ledger after each (--long, --short, --write, parts of names)
[no-exit-message]
faults *arguments:
    @exec {{ python }} -m loadtests.faults "$@"

# Three times as many hits as Redis takes: nothing accepted is lost or waits long, the rest is told 503 (--write)
[no-exit-message]
overload *arguments:
    @exec {{ python }} -m loadtests.faults.overload "$@"

# An hour of everything at a modest rate: memory, file handles, lag and latency stay flat (--hours, --minutes, --write)
[no-exit-message]
soak *arguments:
    @exec {{ python }} -m loadtests.faults.soak "$@"

# Whether ingest stands a million hostile requests (--seed, --requests)
fuzz *arguments:
    @{{ python }} -m loadtests.fuzz "$@"

# Remove what can be made again; data stay
clean:
    rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
