# make demo | make test | make check | make fix: each makes .venv first where it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# An image that keeps Python from saving what it compiles makes every start of the program compile it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test check fix screenshot bench-chat bench-import bench-train bench-tui fuzz

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,dev]'
	touch $@

demo: install
	$(BIN)/chatclone demo

test: install
	$(BIN)/python -m pytest -n logical --no-loadscope-reorder

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

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
