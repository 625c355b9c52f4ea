# Everything installs itself: uv from PyPI into .venv where it is not on PATH, then the locked packages.
UV := $(shell command -v uv 2>/dev/null || echo .venv/bin/uv)
RUN := $(UV) run --quiet --frozen --extra embedded
PORT ?= 8080
DATA ?=
PYTEST ?=

.PHONY: demo test check format serve bench loadtest faults soak clean

demo: .venv/ready ## serve a generated board (or DATA=DIR) from an embedded Postgres on PORT
	@$(RUN) connected-jobs demo --port $(PORT) $(if $(DATA),--data "$(DATA)")

test: .venv/ready ## all tests but the slow ones
	$(RUN) pytest -m "not slow" $(PYTEST)

check: .venv/ready ## lint, format, types, architecture
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) hadolint Dockerfile

format: .venv/ready
	$(RUN) ruff check --fix
	$(RUN) ruff format

serve: .venv/ready ## serve the Postgres at DATABASE_URL
	@$(RUN) connected-jobs serve

bench faults soak loadtest:
	@echo "make $@ is not built yet." >&2; exit 1

.venv/ready: pyproject.toml uv.lock
	@command -v uv >/dev/null || test -x .venv/bin/uv || \
		{ python3 -m venv .venv && .venv/bin/pip install --quiet --disable-pip-version-check uv; }
	@$(UV) sync --quiet --frozen --inexact --extra embedded
	@touch $@

clean:
	rm -rf .venv .data .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
