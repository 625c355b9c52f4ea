# The service, the planner and the jobs: no embedded Postgres, no tests and no load generator; nothing that builds in the final stage.
# The Python that the tests run on. A release names it by digest: --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /srv/connected-jobs
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --disable-pip-version-check uv==0.13.8
# First the locked packages, a layer that stays as long as uv.lock does; then the project itself.
COPY pyproject.toml uv.lock README.md ./
RUN /opt/uv/bin/uv sync --frozen --no-dev --extra loop --extra cluster --no-install-project
COPY app ./app
COPY migrations ./migrations
RUN /opt/uv/bin/uv sync --frozen --no-dev --extra loop --extra cluster

FROM ${PYTHON_IMAGE}
RUN groupadd --system --gid 10001 connected-jobs \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin connected-jobs \
    && install -d -o connected-jobs -g connected-jobs /var/lib/connected-jobs
WORKDIR /srv/connected-jobs
COPY --from=build /srv/connected-jobs ./
ENV PATH=/srv/connected-jobs/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CJ_BIND=0.0.0.0:8080 \
    CJ_PLANNER_BIND=0.0.0.0:8081 \
    CJ_DATA_DIR=/var/lib/connected-jobs
USER 10001:10001
EXPOSE 8080 8081
# Alive, not ready: a Postgres that is away is no reason to restart a service that still answers.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["connected-jobs", "alive"]
CMD ["connected-jobs", "serve"]
