# The worker in an image: locked dependencies, uid 10001, at home on a read-only root.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
# Byte code is made here, since a read-only root can't take it later. Links into a cache would not survive the COPY.
ENV UV_COMPILE_BYTECODE=1 \
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

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="personalize-worker" \
      org.opencontainers.image.description="Delivers user interactions from Kafka to Amazon Personalize" \
      org.opencontainers.image.licenses="Apache-2.0"
# The packages are as locked, with botocore's models of all services (28 of 88 MB): its ways to credentials load
# some of them when they need them, and one that is missing would show in production first.
COPY --from=build /app /app
# MALLOC_ARENA_MAX: glibc would keep up to eight arenas a core for librdkafka's threads; two bound what they can hold
# back over weeks. In runs of half a minute it makes no difference to memory or speed.
# HOME: uid 10001 has no entry in passwd, and the AWS libraries ask where ~ is.
ENV PATH=/app/bin:$PATH \
    HOME=/tmp \
    MALLOC_ARENA_MAX=2 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["personalize-worker"]
CMD ["run", "--config", "/etc/personalize-worker/config.yaml"]
