# Cuepoint. `make run` opens the app, `make test` runs the tests; each sets up first what it needs.
VENV := .venv
BENCH := .venv-bench
PY := $(VENV)/bin/python
STAMP := $(VENV)/.setup-done
PORT ?= 8501
# Further arguments for pytest, for example: make test ARGS="-k ledger"
ARGS ?=
# One worker for each core; a file's tests stay together, so that its servers start once.
PYTEST := $(PY) -m pytest -n auto --dist loadfile -q

.PHONY: help setup run test check format lock bench screenshots clean
.DEFAULT_GOAL := help

help:
	@echo "make run          set up and open the app on http://localhost:$(PORT)  (PORT=8600 make run moves it)"
	@echo "make test         set up and run the tests"
	@echo "make check        formatting, lint, import floors, types and the tests"
	@echo "make format       format the code and repair what the linter can"
	@echo "make bench        measure; rewrites docs/benchmarks.md (ARGS=--help)"
	@echo "make screenshots  make the pictures of the README (needs Chromium)"
	@echo "make lock         make the locks from pyproject.toml (UPGRADE=1 takes newer releases)"
	@echo "make clean        remove $(VENV), $(BENCH) and the caches; the library in data/ stays"

# A virtual environment whose Python is gone (an upgrade, a moved disk) is made again.
ifneq ($(shell $(PY) -c 'print(1)' 2>/dev/null),1)
.PHONY: $(STAMP)
endif

setup: $(STAMP)
	@:

$(STAMP): requirements.txt requirements-dev.txt requirements-model.txt deploy/install.sh
	@sh deploy/install.sh --dev $(VENV)
	@touch $(STAMP)
	@echo "Ready: $(VENV)"

run: setup
	@exec $(PY) -m streamlit run Home.py --server.port $(PORT)

test: setup
	$(PYTEST) $(ARGS)

check: setup
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -c "from importlinter.cli import lint_imports_command as main; main()"
	$(PY) -m mypy
	$(PYTEST) $(ARGS)

format: setup
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

COMPILE := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

lock: setup
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) --group dev -c requirements.txt -o requirements-dev.txt
	$(COMPILE) --group bench -c requirements.txt -o requirements-bench.txt
	$(COMPILE) --group tracing -o requirements-tracing.txt

# ARGS="--data FOLDER retrieval" measures one claim over another corpus.
# Other vector stores to compare with are installed beside the app's packages in an environment of their own.
$(BENCH)/.setup-done: requirements.txt requirements-bench.txt requirements-model.txt deploy/install.sh
	@sh deploy/install.sh $(BENCH)
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@

# Some of it: make bench ARGS="search ask". The first run of ledger installs other tracers into .venv-tracing (1 GB).
bench: $(BENCH)/.setup-done
	$(BENCH)/bin/python -m benchmarks $(ARGS)

screenshots: setup
	$(PY) -m tools.screenshots

clean:
	rm -rf $(VENV) $(BENCH) .venv-tracing .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
