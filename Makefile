# Everything installs itself: uv from PyPI into .venv where it is not on PATH, then the locked packages.
UV := $(shell command -v uv 2>/dev/null || echo .venv/bin/uv)
EXTRAS := --extra embedded --extra loop
RUN := $(UV) run --quiet --frozen $(EXTRAS)
CORES := $(shell getconf _NPROCESSORS_ONLN)
# How many tests run at a time, if not as many as there are cores and some that wait for a server.
AT_ONCE ?=
# Programs start hundreds of times here: what is compiled once takes a third of the time to start.
unexport PYTHONDONTWRITEBYTECODE
PORT ?= 8080
DATA ?=
OUT ?=
HOST ?=
DEMO ?=
RPS ?= 300
MINUTES ?= 20
ROUNDS ?= 240
FROM ?=
TIMES ?= 60
ARGS ?=
PYTEST ?=

.DEFAULT_GOAL := help
.PHONY: help demo test whole alone check format serve bench loadtest faults soak accuracy path known loop scale kills syncs hostile cluster engines pgbouncer upgrade sizing experiments image compose audit clean

help: ## these lines
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

demo: .venv/served ## serve a generated board, or DATA=DIR, on PORT
	@$(UV) run --quiet --frozen --no-dev $(EXTRAS) connected-jobs demo --port $(PORT) $(if $(DATA),--data "$(DATA)")

test: .venv/ready ## the tests, but for what `whole`, `alone` and the slow targets prove
	$(RUN) pytest -m "not slow and not alone and not whole" -n $(or $(AT_ONCE),$(shell expr $(CORES) + 1)) --dist worksteal $(PYTEST)

whole: .venv/ready ## tests of demos, documents as printed, pages in a browser, with the programs of others
	$(RUN) pytest -m "whole and not slow and not alone" -n $(or $(AT_ONCE),$(shell expr $(CORES) + 2)) --dist worksteal $(PYTEST)

alone: .venv/ready ## tests that load a service or break it under load, with nothing beside them
	$(RUN) pytest -m "not slow and alone" tests/load tests/faults $(PYTEST)

check: .venv/ready ## lint, format, types, architecture
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) hadolint Dockerfile

format: .venv/ready ## mend what can be mended of lint and format
	$(RUN) ruff check --fix
	$(RUN) ruff format

serve: .venv/ready ## serve the Postgres at DATABASE_URL
	@$(RUN) connected-jobs serve

bench: .venv/ready ## the service beside its peers; OUT=FILE for JSON
	$(RUN) python -m loadtest.bench $(if $(OUT),--out "$(OUT)")

loadtest: .venv/ready ## the true ceiling of a demo, of DEMO=PORT, or of HOST
	$(if $(HOST),$(RUN) python -m loadtest ceiling --host "$(HOST)" --member-file "$(MEMBERS)" \
		--credential-file "$(CREDENTIAL)" $(ARGS),$(RUN) python -m loadtest.local $(if $(DEMO),--demo $(DEMO)) $(ARGS))

faults: .venv/ready ## every row of the fault table, then every alert
	$(RUN) pytest tests/faults -m "slow or not slow" --ignore tests/faults/test_alerts.py $(PYTEST)
	$(RUN) pytest tests/faults/test_alerts.py -m "slow or not slow" -n 6 $(PYTEST)

# What serves needs a fifth of what tests need.
.venv/served: pyproject.toml uv.lock
	@echo "Installing the locked packages into .venv (once; it takes minutes on a slow line) ..."
	@command -v uv >/dev/null || test -x .venv/bin/uv || \
		{ python3 -m venv .venv && .venv/bin/pip install --quiet --disable-pip-version-check uv; }
	@$(UV) sync --quiet --frozen --inexact --no-dev $(EXTRAS)
	@touch $@

# Collecting once compiles all that tests import: every worker of `make test` would compile it again.
.venv/ready: .venv/served
	@$(UV) sync --quiet --frozen --inexact $(EXTRAS)
	@$(RUN) pytest --collect-only --quiet >/dev/null || true
	@touch $@

soak: .venv/ready ## a demo under RPS calls/s for MINUTES, with a refresh
	$(RUN) python -m loadtest.soak --rps $(RPS) --minutes $(MINUTES) $(ARGS)

kills: .venv/ready ## our commands killed at random moments, ROUNDS times
	$(RUN) pytest tests/integration/test_refresh.py -m slow $(PYTEST)
	$(RUN) python -m tests.hostile.kills --rounds $(ROUNDS) $(ARGS)

syncs: .venv/ready ## two million members, then 50,000 outcomes synced, with faults and kills
	$(RUN) python -m tests.hostile.syncs $(ARGS)
	$(RUN) python -m tests.hostile.amplitude
	$(RUN) python -m tests.hostile.airbridge

hostile: .venv/ready ## sends for MINUTES while everything goes wrong; as root
	$(RUN) python -m tests.hostile.day --minutes $(MINUTES) $(ARGS)

accuracy: .venv/ready ## twenty sends, forecast and rehearsed after a proof that a moved ceiling is noticed
	$(RUN) pytest -q tests/load/test_accuracy.py -m slow -k middle_of_a_send
	$(RUN) python -m loadtest.rehearsal.accuracy $(ARGS)

experiments: .venv/ready ## experiments simulated, a million clicks told apart, outcomes killed
	$(RUN) pytest tests/unit/feedback tests/integration/test_outcomes.py -m slow -s $(PYTEST)

path: .venv/ready ## a fresh demo, its load test, and the pages after it in a browser
	$(RUN) pytest tests/browser/test_real_path.py -m slow $(PYTEST)

known: .venv/ready ## the search on services of known capacity, TIMES each
	$(RUN) python -m tests.load.virtual.table $(TIMES) $(ARGS)

loop: .venv/ready ## eight weekly digests, lists that learn from mails or not
	$(RUN) python -m tests.loop.weeks $(ARGS)

scale: .venv/ready ## what a cold call costs on small and large boards
	$(RUN) python -m loadtest.bench.scale $(ARGS)

cluster: .venv/ready ## ranking on a Dask cluster, parts of which die
	$(RUN) pytest tests/integration/test_on_cluster.py -m "slow or not slow" $(PYTEST)

engines: .venv/ready ## CPU and memory of ranking on Dask beside forks, in turn
	$(RUN) python -m tests.integration.ranking_costs $(ARGS)

sizing: .venv/ready ## docs/sizing.md's formula against instances behind nginx here
	$(RUN) python -m tests.deploy.sizing $(ARGS)

pgbouncer: .venv/ready ## reads through PgBouncers that keep statements and do not
	@.ci/pgbouncer
	$(RUN) pytest tests/integration/test_pgbouncer.py $(PYTEST)
	$(RUN) python -m tests.integration.pooled_reads

upgrade: .venv/ready ## a board restored on a fresh server; the version FROM, or the last release, upgraded under calls
	$(RUN) python -m tests.deploy.upgrade --from "$(FROM)" $(ARGS)
	$(RUN) pytest tests/integration/test_restored.py -m slow $(PYTEST)

image: .venv/ready ## build the Dockerfile and run the image; as root, with buildah
	@.ci/image

compose: .venv/ready ## the same, then the Compose file's containers together; as root
	@COMPOSE=on .ci/image

audit: .venv/ready ## known weaknesses of the packages, and their licences; online
	@mkdir -p .data && $(UV) export --quiet --frozen --no-dev --no-emit-project --output-file .data/requirements.txt
	$(UV) tool run pip-audit --disable-pip --require-hashes --requirement .data/requirements.txt
	$(UV) tool run bandit --quiet --recursive app --severity-level high --confidence-level medium
	$(RUN) pytest -q tests/unit/test_notices.py

clean: ## remove .venv, the demos' boards and what was measured
	rm -rf .venv .data .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
