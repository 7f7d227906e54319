# On a machine with Python 3.11 or newer, pip and make, each of these sets up what it needs:
#
#   make sandbox   the hub over stand-ins of the vendors' tools, with synthetic people
#   make test      the tests, save those marked `long` (make long) and `proof` (make proofs)
#   make check     style, types and import contracts
#   make bench     the benchmark of benchmarks/README.md
#   make lock      requirements.lock anew; UPGRADE=1 takes newer versions
#   make clean     removes what make made; databases and keys are left alone
#
# ARGS passes arguments on:  make test ARGS='-k gate'   make sandbox ARGS='--once'

.DEFAULT_GOAL := help
.PHONY: help sandbox test long proofs check bench lock clean setup
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

BIN := .venv/bin
SETUP := .venv/set-up
# one more than the cores of a small machine: many a test waits for processes
WORKERS ?= 3
# files in their own order, so that the longest (acceptance, properties) do not come last
PYTEST = $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

help:
	@sed -n '/^#   make/s/^#   //p' Makefile

setup: $(SETUP)

# The set-up runs once, and again when what is to be installed has changed.
$(SETUP): requirements.lock pyproject.toml .ci/set-up
	@bash .ci/set-up

sandbox: $(SETUP)
	@$(BIN)/hub sandbox $(ARGS)

test: $(SETUP)
	@$(PYTEST) -m "not long and not proof" $(ARGS)

long: $(SETUP)
	@$(PYTEST) -m long $(ARGS)

proofs: $(SETUP)
	@$(PYTEST) -m proof $(ARGS)

check: $(SETUP)
	@echo "style";            $(BIN)/ruff check --quiet .
	@echo "format";           $(BIN)/ruff format --check --quiet .
	@echo "types";            $(BIN)/mypy --no-error-summary
	@echo "import contracts"; PYTHONPATH=. $(BIN)/lint-imports --no-logo --no-cache

bench: $(SETUP)
	@$(BIN)/python -m benchmarks.bench $(ARGS)

lock:
	@bash .ci/lock $(if $(UPGRADE),--upgrade)

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
