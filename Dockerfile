# syntax=docker/dockerfile:1
# Pin the two images by digest when you build for production:
#   docker build --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:… .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS web
WORKDIR /build
COPY service/web/package.json service/web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY service/web/ ./
RUN npm run build

FROM ${PYTHON_IMAGE} AS packages
COPY requirements.lock /
RUN python -m venv --without-pip /opt/bandoso \
    && python -m pip --python /opt/bandoso/bin/python install \
        --no-cache-dir --no-compile --only-binary :all: --require-hashes --requirement /requirements.lock \
    && /opt/bandoso/bin/python -m compileall -q -j 0 /opt/bandoso/lib

FROM ${PYTHON_IMAGE}
# tini reaps what is orphaned: PostgreSQL's clients and the sandboxed file readers of killed workers.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && python -m pip uninstall --yes --quiet pip setuptools wheel \
    && groupadd --gid 10001 bandoso \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin bandoso
COPY --from=packages /opt/bandoso /opt/bandoso
WORKDIR /srv/bandoso
COPY LICENSE alembic.ini pyproject.toml ./
COPY geodata geodata
COPY tiles tiles
COPY service service
COPY migrations migrations
COPY --from=web /build/dist service/web/dist
# The code is run from here, not installed: the command is `python -m service` under the name it has elsewhere.
RUN /opt/bandoso/bin/python -m compileall -q geodata tiles service migrations \
    && printf '#!/bin/sh\nexec python -m service "$@"\n' > /opt/bandoso/bin/bandoso \
    && chmod 0755 /opt/bandoso/bin/bandoso \
    && install --directory --owner=10001 --group=10001 --mode=0700 var work
ENV PATH=/opt/bandoso/bin:/usr/bin:/bin \
    PYTHONPATH=/srv/bandoso \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BANDOSO_ENV=production \
    BANDOSO_VAR_DIR=/srv/bandoso/var \
    TMPDIR=/srv/bandoso/work
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["uvicorn", "service.app:create_app", "--factory", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--http", "service.accepting:FairProtocol", "--no-server-header", "--no-access-log", "--timeout-graceful-shutdown", "8"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "service.listening", "8000"]
