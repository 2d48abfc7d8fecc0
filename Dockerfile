# The worker in an image: locked dependencies, uid 10001, at home on a read-only root.
# The base, in this one place. Renovate adds the digest (python:...@sha256:...) and renews it; a release needs one.
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
# Byte code is made here, since a read-only root can't take it later; UNCHECKED_HASH: it is the same each time, and stays
# good where a builder rewrites the files' times. Links into a cache would not survive the COPY.
ENV UV_COMPILE_BYTECODE=1 \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PROJECT_ENVIRONMENT=/app \
    UV_PYTHON=python3 \
    UV_PYTHON_DOWNLOADS=never \
    UV_SYSTEM_CERTS=1
WORKDIR /src
COPY tools/uv.txt tools/uv.txt
RUN python3 -m venv /uv && /uv/bin/pip install --no-cache-dir --require-hashes -r tools/uv.txt
# Dependencies first: this layer stays as long as uv.lock does.
COPY pyproject.toml uv.lock ./
RUN /uv/bin/uv sync --locked --no-dev --all-extras --no-install-project
COPY README.md LICENSE ./
COPY worker worker
RUN /uv/bin/uv sync --locked --no-dev --all-extras --no-editable
# botocore's models of services that nobody here calls: 18 of 75 MB (docs/image.md).
COPY tools/leave_out.py tools/leave_out.py
RUN python3 tools/leave_out.py /app

FROM ${PYTHON_IMAGE}
COPY --from=build /app /app
# MALLOC_ARENA_MAX: glibc would keep up to eight arenas a core for librdkafka's threads; two bound what they can hold
# back over weeks. In runs of half a minute it makes no difference to memory or speed.
# HOME: uid 10001 has no entry in passwd, and the AWS libraries ask where ~ is.
ENV PATH=/app/bin:$PATH \
    HOME=/tmp \
    MALLOC_ARENA_MAX=2 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# What only the release knows, and what would keep the layers above from being reused.
ARG VERSION=0.0.0+dev
ARG REVISION=unknown
ARG SOURCE=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="personalize-worker" \
      org.opencontainers.image.description="Delivers user interactions from Kafka or Kinesis to Amazon Personalize" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.created="${CREATED}"
# Nothing in /app belongs to this user, and nothing there needs writing: any other uid will do as well.
USER 10001:10001
EXPOSE 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["personalize-worker"]
CMD ["run", "--config", "/etc/personalize-worker/config.yaml"]
