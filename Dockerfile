# physlaw in one image: Python 3.11, the hash-locked packages, the code.
#
#   make image                     CUDA build of PyTorch (runs on CPUs too); ENGINE=podman for another program
#   make image FLAVOUR=cpu         CPU build
#   docker build -t physlaw .      the same as the first, without commit and lock digest in its labels
#   docker run physlaw                                    explains itself
#   docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" physlaw reproduce
#
# Build arguments for sites with mirrors: PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS, PIP_CERT, and APT_MIRROR
# (e.g. a snapshot of Debian's archive). APT_CHECK=off accepts other versions of Debian's packages than the recorded.
ARG BASE=debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171
FROM ${BASE}
ARG BASE
ARG FLAVOUR=cuda
ARG APT_MIRROR=
ARG APT_CHECK=on
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
ARG PIP_CERT

COPY requirements/apt.lock /opt/physlaw/requirements/
# g++ and python3-dev: torch.compile builds what it generates.
RUN set -eu; \
    if [ -n "$APT_MIRROR" ]; then \
      rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*; \
      echo "deb [check-valid-until=no] $APT_MIRROR bookworm main" > /etc/apt/sources.list; \
    fi; \
    apt-get update -qq; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      $(sed 's/=.*//; /^#/d' /opt/physlaw/requirements/apt.lock) > /dev/null; \
    rm -rf /var/lib/apt/lists/*; \
    sed '/^#/d' /opt/physlaw/requirements/apt.lock | while IFS== read -r name version; do \
      found=$(dpkg-query -W -f '${Version}' "$name"); \
      if [ "$found" != "$version" ]; then \
        echo "apt: $name is $found, recorded is $version (--build-arg APT_CHECK=off accepts it)"; \
        [ "$APT_CHECK" = off ] || exit 1; \
      fi; \
    done

WORKDIR /opt/physlaw
COPY Makefile pyproject.toml README.md LICENSE NOTICE ./
COPY requirements requirements
COPY code/physlaw/__init__.py code/physlaw/
RUN make setup FLAVOUR=${FLAVOUR} VENV=/opt/venv && find /opt/venv -name __pycache__ -prune -exec rm -rf {} +
# After the packages' layer, so that a new commit does not build it again.
ARG COMMIT=unknown
ARG DIRTY=unknown
ARG LOCK_SHA256=unknown
COPY . .
# chmod: a checkout made with umask 077 is its owner's alone, the image is for every user.
RUN set -eu; \
    lock=$(sha256sum requirements/${FLAVOUR}.lock | cut -d' ' -f1); \
    if [ "$LOCK_SHA256" != unknown ] && [ "$LOCK_SHA256" != "$lock" ]; then \
      echo "LOCK_SHA256 is $LOCK_SHA256, requirements/${FLAVOUR}.lock has $lock"; exit 1; \
    fi; \
    rm -rf .git; \
    chmod -R a+rX .; \
    printf '{"commit": "%s", "dirty": "%s"}\n' "$COMMIT" "$DIRTY" > commit.json; \
    /opt/venv/bin/python requirements/image_manifest.py "$BASE" "$FLAVOUR" > image.json; \
    /opt/venv/bin/python -m compileall -q code/physlaw; \
    useradd --uid 1000 --create-home physlaw; \
    mkdir -p /work && chmod 1777 /work

# Everything that wants to write at run time goes to /tmp; the image itself may be read-only.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/.cache \
    MPLCONFIGDIR=/tmp/.cache/matplotlib \
    NUMBA_CACHE_DIR=/tmp/.cache/numba \
    TORCHINDUCTOR_CACHE_DIR=/tmp/.cache/inductor \
    TRITON_CACHE_DIR=/tmp/.cache/triton \
    PYTHONDONTWRITEBYTECODE=1 \
    PHYSLAW_CONFIGS=/opt/physlaw/configs
LABEL org.opencontainers.image.title="physlaw" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${COMMIT}" \
      physlaw.flavour="${FLAVOUR}" \
      physlaw.lock-sha256="${LOCK_SHA256}"
USER physlaw
WORKDIR /work
# -s: also where another process is the first one.
ENTRYPOINT ["tini", "-s", "--", "physlaw"]
