# Every target makes what it needs; `make demo` and `make test` work on a fresh machine with Python and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := sensetrack cli

.PHONY: demo test test-slow lint bench docs clean

$(VENV)/.run: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(VENV)/.run
	$(BIN)/sensetrack demo --overwrite -o demo-out

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest -n 2 -m "not slow"

test-slow: $(VENV)/.dev
	$(BIN)/pytest -m slow

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/pcc_speed.py
	$(BIN)/python benchmarks/real_pairs.py
	$(BIN)/python benchmarks/large_pair.py

docs: $(VENV)/.dev
	$(BIN)/mkdocs build --strict

clean:
	rm -rf build dist site demo-out benchmarks/out .mypy_cache .ruff_cache .pytest_cache
