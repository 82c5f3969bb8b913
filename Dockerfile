# Readroom over Streamable HTTP, in two images:
#   docker build --target extractive --tag readroom .
#   docker build --target vllm --tag readroom:vllm .
# compose.yaml starts either; docs/docker.md says how.

FROM python:3.12-slim AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE CHANGELOG.md CITATION.cff ./
COPY agents agents
COPY mcp_server mcp_server
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

# No model: sentences are searched, ranked and quoted as they stand.
FROM python:3.12-slim AS extractive
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir "$(echo /wheels/*.whl)[postgres,s3,telemetry]" \
    && useradd --uid 1000 --no-create-home --home-dir /data reader \
    && install --directory --owner reader /data /documents
ENV HOME=/data \
    READROOM_DATA_DIR=/data/readroom \
    READROOM_DOCUMENTS__ROOTS='["/documents"]' \
    READROOM_SERVER__HOST=0.0.0.0
USER 1000
WORKDIR /documents
VOLUME ["/data"]
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8765), 4).close()"]
ENTRYPOINT ["readroom"]
CMD ["serve", "--transport", "http"]

# vLLM on the host's NVIDIA GPU. Its wheels bring CUDA; Triton compiles its kernels with a C compiler.
FROM extractive AS vllm
USER 0
# The compiler's version is Debian's of the day.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/* \
    && python -m venv /opt/vllm \
    && /opt/vllm/bin/pip install --no-cache-dir "vllm==0.26.0"
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    READROOM_ENGINE__VLLM_COMMAND=/opt/vllm/bin/vllm
USER 1000
