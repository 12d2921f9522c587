# make demo | test | check | fix | translations | coverage | wheel-test: each makes .venv first where it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
INSTALLED := $(VENV)/.installed

# An image that keeps Python from saving what it compiles makes every start of the program compile it anew.
unexport PYTHONDONTWRITEBYTECODE

# coverage's floor, in percent of lines and branches; raise it when it has risen for good.
COVERAGE_FLOOR := 85

.PHONY: install demo test coverage check fix translations wheel-test smoke screenshot bench-chat bench-import bench-train bench-tui fuzz

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,dev]'
	touch $@

demo: install
	$(BIN)/chatclone demo

test: install
	$(BIN)/python -m pytest -n logical --no-loadscope-reorder

coverage: install
	$(BIN)/python -m pytest -n logical --no-loadscope-reorder --cov --cov-report=term --cov-fail-under=$(COVERAGE_FLOOR)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

fix: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Brings the catalogues up to the texts in the code, and compiles them.
translations: install
	$(BIN)/python -m tools.translations

# Builds the wheel and tries it with each extra alone, in empty environments.
wheel-test: install
	$(BIN)/python -m tools.wheel.try_wheel

# What needs no compiler and no model, for systems that the other targets do not run on.
smoke:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . build hypothesis pytest pytest-asyncio pytest-xdist
	$(BIN)/python -m pytest tests/importers
	$(BIN)/python -m tools.wheel.try_wheel core

bench-chat: install
	$(BIN)/python benchmarks/chat.py --half-billion

bench-import: install
	$(BIN)/python benchmarks/import_telegram.py

bench-train: install
	$(BIN)/python benchmarks/train.py

bench-tui: install
	$(BIN)/python benchmarks/tui.py

# 20,000 damaged exports: none may end in a traceback, hang, or leave half an archive.
fuzz: install
	$(BIN)/python -m tools.fuzz.telegram

# The picture in the README, saved by the running program with the demo persona.
screenshot: install
	$(BIN)/python tools/screenshot.py docs/app.svg
