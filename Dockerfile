# Quietlist as an image: one process per container (web pages, daemon, or one command), everything it keeps in the home.
# How to run it: docs/deployment.md.

# The Debian, and so the Python, that every change is tested on. hadolint ignores DL3008 below for its packages: a pinned
# Debian version disappears from the mirrors with the next security fix, and with it the build.
FROM debian:bookworm-slim AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/quietlist
# The locked dependencies alone: this layer stays as it is until they change.
COPY requirements-server.lock /build/
RUN /opt/quietlist/bin/python -m pip install --no-cache-dir --require-hashes -r /build/requirements-server.lock
COPY pyproject.toml README.md LICENSE /build/
COPY orchestration /build/orchestration
COPY dbt_project /build/dbt_project
COPY expectations /build/expectations
RUN /opt/quietlist/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation /build
# The models are parsed once, here: a container need not be able to write anywhere but into the home.
ENV QUIETLIST_CACHE=/opt/quietlist/cache
RUN install -d "$QUIETLIST_CACHE" \
    && /opt/quietlist/bin/python -c "from orchestration.reconcile.dbt import ensure_manifest; ensure_manifest()" \
    && chmod -R a+rX "$QUIETLIST_CACHE"

FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 tzdata \
    && rm -rf /var/lib/apt/lists/* \
    # A number of its own, so that a volume keeps its owner from one image to the next.
    && useradd --uid 10001 --user-group --home-dir /home/quietlist --create-home quietlist \
    && install -d -m 0700 -o quietlist -g quietlist /var/lib/quietlist
COPY --from=build /opt/quietlist /opt/quietlist
ENV PATH=/opt/quietlist/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    QUIETLIST_CACHE=/opt/quietlist/cache \
    QUIETLIST_HOME=/var/lib/quietlist
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /home/quietlist
VOLUME /var/lib/quietlist
EXPOSE 3000
# No entry point: Dagster's chart starts `dagster api grpc` in the same image.
CMD ["quietlist", "--help"]
