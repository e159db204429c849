#!/bin/sh
# Makes a virtual environment with the locked packages and the weights of the local embedder.
#
#     deploy/install.sh [--dev] FOLDER
#
# --dev adds the tools for tests and checks. PYTHON names the interpreter, UV a uv that is already there. What is
# installed already stays. `make setup` and the Dockerfile both run this file.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
dev=no
if [ "${1:-}" = "--dev" ]; then dev=yes; shift; fi
venv=${1:?usage: deploy/install.sh [--dev] FOLDER}
supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

fail() { echo "install: $*" >&2; exit 1; }

pick_python() {
    for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13 python}; do
        if "$candidate" -c "$supported" 2>/dev/null; then echo "$candidate"; return; fi
    done
    found=$("${PYTHON:-python3}" --version 2>&1) || found="none"
    fail "Cuepoint needs Python 3.11, 3.12 or 3.13; found here: $found." \
        "Install one of these (Debian, Ubuntu: apt-get install python3 python3-venv) or name it: make setup PYTHON=/path/to/python3.11"
}

make_venv() {
    if "$venv/bin/python" -c "$supported" 2>/dev/null && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
    if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ] && [ -n "$(ls -A "$venv")" ]; then
        fail "$venv exists and is not a virtual environment; move it away and try again."
    fi
    python=$(pick_python)
    echo "Making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv" ||
        fail "this Python cannot make a virtual environment. Debian, Ubuntu: apt-get install python3-venv"
}

# Prints the path of a uv, or nothing where none is to be had: pip does the same work, only slower.
find_uv() {
    if [ -n "${UV:-}" ]; then echo "$UV"; return; fi
    if [ -x "$venv/bin/uv" ]; then echo "$venv/bin/uv"; return; fi
    wanted=$(sed -n 's/^\(uv==[^ ;]*\).*/\1/p' "$root/requirements-dev.txt")
    if "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --target "$scratch" "$wanted" >&2; then
        echo "$scratch/bin/uv"
    fi
}

install_packages() {
    if [ -n "$uv" ] && "$uv" pip install --quiet --python "$venv/bin/python" "$@"; then return; fi
    echo "Installing with pip; this takes a few minutes" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

# Behind a company's proxy the machine knows its certificate, and uv has to ask it, as pip does.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
# Compiled now, the first start is as quick as the second; pip does so by itself.
export UV_COMPILE_BYTECODE="${UV_COMPILE_BYTECODE:-1}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
make_venv
uv=$(find_uv)
set -- -r "$root/requirements.txt"
if [ "$dev" = yes ]; then set -- "$@" -r "$root/requirements-dev.txt"; fi
echo "Installing the packages"
install_packages "$@"
install_packages --no-deps -r "$root/requirements-model.txt"
