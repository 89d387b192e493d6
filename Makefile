# Every target makes what it needs; `make demo` and `make test` work on a fresh machine with Python and make.
# Choose another interpreter with `make PYTHON=python3.12 ...`, another place for the environment with `VENV=...`.
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$each && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# What the extra `deep` needs, of one version, so that all check against the same; the CPU does for that.
TORCH ?= torch==2.13.0
# Processes of the test run.
WORKERS ?= 2
# Folder of the real pairs for `make bench DATA=...`, which goes on without it.
DATA ?=

.PHONY: demo test test-slow lint format bench docs clean distclean

# The stamps say that the environment holds what pyproject.toml asks for, so that a second run starts at once.
$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "sensetrack needs Python 3.11 to 3.13: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV) || $(PYTHON) -m virtualenv $(VENV) || \
		{ rm -rf $(VENV); echo "$(PYTHON) cannot make an environment; install its venv module (Debian: apt install python3-venv)"; exit 1; }
	$(PIP) --version >/dev/null || $(BIN)/python -m ensurepip --upgrade
	touch $@

$(VENV)/.run: $(VENV)/.made pyproject.toml
	@echo 'Installing what sensetrack needs into $(VENV) (once; a minute or two)'
	$(PIP) install --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml
	@echo 'Installing what the checks need into $(VENV) (once; a few minutes)'
	$(PIP) install --editable '.[dev]' '$(TORCH)'
	touch $(VENV)/.run $@

demo: $(VENV)/.run
	$(BIN)/sensetrack demo --overwrite -o demo-out

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	$(BIN)/pytest -n $(WORKERS) -m "not slow"

test-slow: $(VENV)/.dev
	$(BIN)/pytest -m slow

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/pcc_speed.py
	$(BIN)/sensetrack benchmark trackers --overwrite -o benchmarks/out $(addprefix --data ,$(wildcard $(DATA)))
	$(BIN)/sensetrack benchmark filters --overwrite -o benchmarks/out
	$(BIN)/sensetrack benchmark accuracy --overwrite -o benchmarks/out
	$(BIN)/sensetrack benchmark speed --overwrite -o benchmarks/out
	$(BIN)/python benchmarks/large_pair.py

docs: $(VENV)/.dev
	$(BIN)/mkdocs build --strict

clean:
	rm -rf build dist site demo-out benchmarks/out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

distclean: clean
	rm -rf $(VENV) *.egg-info
