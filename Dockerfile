# The app on a slim Python, without root. Build: docker build -t cuepoint .
# Run: docker run -p 127.0.0.1:8501:8501 -v cuepoint:/data cuepoint
FROM python:3.11-slim-bookworm AS packages
ENV UV_LINK_MODE=copy
WORKDIR /build
COPY requirements.txt requirements-dev.txt requirements-model.txt ./
COPY deploy/install.sh deploy/install.sh
RUN sh deploy/install.sh /opt/cuepoint

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --create-home cuepoint \
    && install -d -o cuepoint -g cuepoint /data
COPY --from=packages /opt/cuepoint /opt/cuepoint
WORKDIR /app
COPY LICENSE Home.py ./
COPY .streamlit/config.toml .streamlit/config.toml
COPY pages pages
COPY core core
COPY deploy/serve.sh deploy/healthcheck.py deploy/
RUN /opt/cuepoint/bin/python -m compileall -q Home.py pages core
USER 10001
ENV PYTHONUNBUFFERED=1 CUEPOINT_DATA_DIR=/data PORT=8501
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["sh", "-c", "exec /opt/cuepoint/bin/python deploy/healthcheck.py \"$PORT\""]
CMD ["sh", "deploy/serve.sh", "/opt/cuepoint"]
