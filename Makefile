# Everything a person or a machine runs here. `make` alone says what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One process more than there are cores, as tests wait for other processes and for databases; they
# are the same in one process (python -m pytest).
PYTEST := $(BIN)/python -m pytest --dist worksteal --numprocesses \
	$$($(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all browser lint bench docs clean

help:
	@echo "make demo      install what running needs, run 10,000 strategies on a synthetic market"
	@echo "make test      install everything, run the default tests (minutes)"
	@echo "make test-all  the same with the slow tests and those in a browser"
	@echo "make browser   install what those need (Debian, as root), or say what is missing"
	@echo "make lint      ruff and mypy"
	@echo "make bench     the benchmarks of the README"
	@echo "make docs      rewrite the generated pages of docs/"
	@echo "make install   create $(VENV) with everything for development"

# What is missing on a bare machine is said in one line, before anything is created.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or later (Debian: apt-get install python3 python3-venv)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old: Python 3.11 or later is needed (make PYTHON=python3.11 ...)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "the venv package of $(PYTHON) is missing (Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.runtime

install: $(VENV)/.dev

demo: $(VENV)/.runtime
	$(BIN)/mass-tuning demo

test: $(VENV)/.dev
	$(PYTEST)

# Pictures of the pages are in build/screenshots afterwards.
test-all: $(VENV)/.dev browser
	$(PYTEST) -m ""

# Chromium, and a font that has Chinese characters.
BROWSER_PACKAGES := chromium fonts-wqy-microhei
HAS_BROWSER := { command -v chromium || command -v chromium-browser || command -v google-chrome; }
browser:
	@if $(HAS_BROWSER) >/dev/null && fc-list :lang=zh | grep -q .; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends $(BROWSER_PACKAGES) >/dev/null; \
	elif $(HAS_BROWSER) >/dev/null; then \
		echo "no font with Chinese characters: pictures will show boxes (Debian: apt-get install fonts-wqy-microhei)" >&2; \
	else \
		echo "the browser tests need Chromium (Debian: apt-get install $(BROWSER_PACKAGES))" >&2; exit 1; \
	fi

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python scripts/benchmark.py all

docs: $(VENV)/.dev
	$(BIN)/python scripts/make_docs.py

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
