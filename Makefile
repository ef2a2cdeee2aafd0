# Mountbook: everything there is to run. `make help` lists it.
#
# Needs make and Python 3.11 or newer; the rest comes into .venv, from lock/ (versions and hashes).
# A target that needs it sets it up; the second time costs nothing.
#   make up ARGS="--port 9000"       options for mountbook up
#   make test ARGS="-k whose"        options for pytest
#   make test PYTHON=python3.13      another Python

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
ARGS ?=

##@ Use it
.PHONY: up
up: $(VENV)/.runtime ## PostgreSQL, collector and an agent for this machine's engine, in one command
	@exec $(BIN)/mountbook up $(ARGS)

##@ Check it
.PHONY: test
test: $(VENV)/.dev ## unit, integration and migration tests; no root, no engine, five minutes at most
	$(BIN)/python -m pytest --ignore=tests/swarm \
		--ignore=tests/faults --ignore=tests/register --ignore=tests/releases $(ARGS)

.PHONY: faults
faults: $(VENV)/.dev ## kill -9, lines that fail, wrong clocks, the invariants, earlier releases: no root, a few minutes
	$(BIN)/python -m pytest tests/faults tests/register tests/releases $(ARGS)

.PHONY: soak
soak: $(VENV)/.dev ## the long version of the faults and of the invariants; hours
	MOUNTBOOK_SOAK=100 $(BIN)/python -m pytest tests/faults $(ARGS)
	$(BIN)/python -m pytest --hypothesis-profile=soak tests/register tests/unit/collector/ingest/test_machine.py $(ARGS)

.PHONY: lab
lab: $(VENV)/.dev ## the tests with real Docker engines; root, and Debian's docker.io
	$(BIN)/python -m pytest tests/swarm --ignore=tests/swarm/test_images.py $(ARGS)

.PHONY: swarm
swarm: $(VENV)/.dev ## of make lab only the tests on one Swarm of four engines; root, seven minutes
	$(BIN)/python -m pytest tests/swarm/test_swarm.py tests/swarm/test_swarm_changes.py \
		tests/swarm/test_swarm_does_not_forget.py tests/swarm/test_swarm_faults.py $(ARGS)

.PHONY: images
images: $(VENV)/.dev ## build the images for amd64 and arm64 as operations.md says, push and run them; root, like lab
	$(BIN)/python -m pytest tests/swarm/test_images.py $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev ## ruff: style, and whether everything is formatted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: $(VENV)/.dev ## mypy, strict, tests included
	$(BIN)/mypy

.PHONY: imports
imports: $(VENV)/.dev ## who may import whom (contracts in pyproject.toml)
	$(BIN)/lint-imports

.PHONY: check
check: lint types imports test ## all that needs no root: what to run before a commit

.PHONY: bench
bench: $(VENV)/.dev ## the speed rows: ours beside a yardstick, in turn, in the same run
	$(BIN)/python -m bench $(ARGS)

.PHONY: bigreport
bigreport: $(VENV)/.dev ## a report of ten million rows, end to end: the memory of collector and command; ARGS=1000000
	$(BIN)/python -m bench.report_rows $(ARGS)

##@ Work on it
.PHONY: format
format: $(VENV)/.dev ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: wheel
wheel: $(VENV)/.runtime ## build dist/*.whl
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .

.PHONY: lock
lock: $(VENV)/.lock ## resolve the newest allowed versions into lock/ (the only target that may change them)
	.ci/lock $(BIN)/uv

.PHONY: clean
clean: ## remove what was built and cached; keeps the virtual environment and the data of `make up`
	rm -rf dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The virtual environment. A stamp is younger than the lock it was made from; a Python that is gone makes it anew.
.PHONY: missing
ifneq ($(shell $(BIN)/python -c 'print("ok")' 2>/dev/null),ok)
$(VENV)/.made: missing
endif

$(VENV)/.made:
	@.ci/venv "$(PYTHON)" "$(VENV)"
	@touch $@

$(VENV)/.runtime: lock/runtime-local.txt lock/build.txt pyproject.toml $(VENV)/.made
	@echo "installing what Mountbook runs on into $(VENV) (once)"
	@$(PIP) install --require-hashes -r lock/runtime-local.txt -r lock/build.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: lock/dev.txt pyproject.toml $(VENV)/.runtime
	@echo "installing what the tests need into $(VENV) (once)"
	@$(PIP) install --require-hashes -r lock/dev.txt
	@touch $@

$(VENV)/.lock: lock/tool.txt $(VENV)/.made
	@$(PIP) install --require-hashes -r lock/tool.txt
	@touch $@
