# Each target does all of its own set-up; `make setup` says plainly what is missing.
PY := .venv/bin/python
.DEFAULT_GOAL := help

.PHONY: help setup run test lint bench fuzz clean
help:
	@echo "make run     set up, fetch the sample case once, open it (without a display: run it in the terminal)"
	@echo "make test    set up, then ruff, mypy, import contracts and all tests"
	@echo "make lint    ruff, mypy and import contracts only"
	@echo "make bench   timings beside their peers"
	@echo "make fuzz    COUNT damaged scans (10000), made from SEED (0): each must be answered in a sentence"
	@echo "make setup   only the environment in .venv"

setup:
	@sh setup.sh

run: setup
	@$(PY) main.py sample

lint: setup
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-cache

test: lint
	@$(PY) -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# The peers' own environment is made here, so that its installation does not run beside the first timings.
bench: setup
	@$(PY) -m engine.bench.peers
	@$(PY) main.py bench

COUNT ?= 10000
SEED ?= 0
fuzz: setup
	@$(PY) -m tests.fuzz --count $(COUNT) --seed $(SEED)

# runs/ stays: it holds trained weights and their logs.
clean:
	rm -rf .venv .venv-peers .mypy_cache .ruff_cache .pytest_cache out
