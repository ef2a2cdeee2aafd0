# Three small images from one file, reproducible from lock/ (versions and hashes):
#   docker build --target collector      -t mountbook/collector .
#   docker build --target agent          -t mountbook/agent .
#   docker build --target agent-hardened -t mountbook/agent-hardened .
# Each copies one virtual environment that holds only its own extra, so the agent carries neither
# SQLAlchemy nor the page. No "# syntax=" line: it would pull an image, and every engine since 23 does without.
ARG PYTHON_IMAGE=python:3.13-slim

# Whatever is built is built on the builder's own processor: emulated, pip takes minutes.
FROM --platform=$BUILDPLATFORM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
COPY lock/build.txt lock/build.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv /build && /build/bin/pip install --require-hashes -r lock/build.txt

# Pure Python, so one for every processor.
FROM build AS wheel
COPY pyproject.toml README.md LICENSE stack.yml ./
COPY protocol protocol
COPY agent agent
COPY collector collector
COPY migrations migrations
COPY mountbook mountbook
# SOURCE_DATE_EPOCH makes the wheel's bytes depend on the sources alone.
RUN SOURCE_DATE_EPOCH=1767225600 /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .

# Packages for the image's processor have to be asked for by every platform that its C library can run; pip does that
# for a directory only, where commands of theirs would name its own Python: nobody needs them.
FROM build AS environment
ARG TARGETARCH
RUN python -m venv --without-pip /opt/mountbook \
    && ln -s /opt/mountbook/lib/python3.*/site-packages /packages \
    && machine=$(echo "$TARGETARCH" | sed 's/amd64/x86_64/; s/arm64/aarch64/') \
    && seq --format "--platform=manylinux_2_%.0f_$machine" 36 -1 17 >/platforms \
    && echo "--platform=manylinux2014_$machine" >>/platforms

FROM environment AS agent-environment
COPY lock/runtime-agent.txt lock/runtime-agent.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    /build/bin/pip install --require-hashes -r lock/runtime-agent.txt --only-binary=:all: $(cat /platforms) \
        --target /packages && rm -r /packages/bin
COPY --from=wheel /wheels /wheels
RUN /build/bin/pip --python /opt/mountbook/bin/python install --no-deps /wheels/*.whl

FROM environment AS collector-environment
COPY lock/runtime-collector.txt lock/runtime-collector.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    /build/bin/pip install --require-hashes -r lock/runtime-collector.txt --only-binary=:all: $(cat /platforms) \
        --target /packages && rm -r /packages/bin
COPY --from=wheel /wheels /wheels
RUN /build/bin/pip --python /opt/mountbook/bin/python install --no-deps /wheels/*.whl

FROM ${PYTHON_IMAGE} AS runtime
ENV PATH=/opt/mountbook/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
LABEL org.opencontainers.image.title="Mountbook" \
      org.opencontainers.image.description="The land register of a Docker Swarm's disks" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /

FROM runtime AS collector
COPY --from=collector-environment /opt/mountbook /opt/mountbook
# The one place that a collector may write to: checkpoints of the audit log, kept outside the database.
RUN install -d -o 65532 -g 65532 -m 0700 /checkpoints
VOLUME /checkpoints
# In a container loopback reaches nobody. Without a credential it still refuses to start.
ENV MOUNTBOOK_HOST=0.0.0.0
USER 65532:65532
EXPOSE 8480
HEALTHCHECK --interval=15s --timeout=15s --start-period=60s --retries=4 CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('MOUNTBOOK_PORT', '8480') + '/healthz', timeout=10)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "collector"]

# /state is the one place that an agent writes to: its token, the acknowledged position, the sign of life. Its two
# variants are different users that may follow each other on a volume, which nobody else on a node can reach.
FROM runtime AS agent-runtime
COPY --from=agent-environment /opt/mountbook /opt/mountbook
RUN mkdir /state && chmod 0777 /state
ENV MOUNTBOOK_STATE_DIR=/state
VOLUME /state
HEALTHCHECK --interval=30s --timeout=25s --start-period=60s --retries=3 CMD ["python", "-m", "agent", "--check"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "agent"]

# No socket and not uid 0: the interpreter itself carries CAP_DAC_READ_SEARCH as a file capability, so it reads other
# users' directories and can write nowhere. (security.capability, revision 2: magic and the effective flag, then the
# permitted and inheritable sets; capability 2 is CAP_DAC_READ_SEARCH: linux/capability.h.)
FROM agent-runtime AS agent-hardened
RUN python -c "import os, struct, sys; os.setxattr(os.path.realpath(sys.executable), 'security.capability', struct.pack('<5I', 0x02000001, 1 << 2, 0, 0, 0))"
ENV DOCKER_HOST=
USER 65532:65532

# uid 0 without capabilities but the one that stack.yml grants: it reads every layer and the engine's socket.
FROM agent-runtime AS agent
