#!/bin/sh
# Serves the app to other machines, as the container does: deploy/serve.sh VENV. PORT moves the port.
set -eu

venv=${1:?usage: deploy/serve.sh VENV}
cd "$(dirname "$0")/.."
exec "$venv/bin/python" -m streamlit run Home.py \
    --server.address "${ADDRESS:-0.0.0.0}" --server.port "${PORT:-8501}" --server.headless true
