# Builds the image of the chat service. `--build-arg EXTRAS=...` installs other extras, as docker-compose.yml does.

FROM python:3.11-slim AS build
ARG EXTRAS=service
WORKDIR /source
RUN python -m venv /opt/chatcore
COPY pyproject.toml constraints.txt LICENSE README.md ./
COPY sql sql
COPY src src
RUN /opt/chatcore/bin/pip install --no-cache-dir --constraint constraints.txt ".[${EXTRAS}]" \
    && /opt/chatcore/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent chatcore
COPY --from=build /opt/chatcore /opt/chatcore
ENV PATH=/opt/chatcore/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER chatcore
EXPOSE 8002
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8002/api/health', timeout=3)"]
ENTRYPOINT ["chatcore"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8002"]
