# The commands of the README. Everything is installed into .venv, from locked versions with hashes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pip install options: only what the lock file names, as it names it.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
N ?= $(shell echo $$(( $$(nproc) + 2 )))
# Commands, servers and tests start hundreds of processes, each twice as fast with compiled modules at hand.
unexport PYTHONDONTWRITEBYTECODE
MUTANTS ?= 1000000

.PHONY: setup setup-dev demo test test-haproxy check audit lock bench fuzz docs clean python

setup: $(VENV)/.setup ## Set up the virtual environment; $(BIN)/kruispunt is ready after it

setup-dev: $(VENV)/.setup-dev ## The same with the development tools

demo: setup ## Start the demo bank, make one consultation, keep serving until Ctrl-C
	@$(BIN)/kruispunt demo $(ARGS)

# Files are begun in the order of tests/conftest.py; pytest-xdist would leave those with one long test for the end.
test: $(VENV)/.setup-dev ## All tests
	@$(BIN)/python -m pytest -n $(N) --dist loadfile --no-loadscope-reorder $(ARGS)

test-haproxy: $(VENV)/.setup-dev ## The how-to page of HAProxy, with the haproxy that is installed
	@$(BIN)/python -m pytest tests/haproxy $(ARGS)

check: $(VENV)/.setup-dev ## ruff, mypy strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --cache-dir .import_linter_cache

audit: $(VENV)/.setup-dev ## Known vulnerabilities in what is installed; fails when a package was skipped
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements.lock

bench: $(VENV)/.setup-dev ## The exchange benchmark; see benchmarks/README.md
	@$(BIN)/python -m benchmarks.exchange $(ARGS)

fuzz: $(VENV)/.setup-dev ## Changed messages against signature and authorisation; MUTANTS=1000000
	@PYTHONPATH=tests:tests/security $(BIN)/python -m fuzz --mutants $(MUTANTS) --processes $(N) $(ARGS)

docs: $(VENV)/.setup ## Renew the pages of docs/reference that follow from the code
	@$(BIN)/python docs/generate.py

lock: $(VENV)/.setup-dev ## Renew both lock files
	@$(PIP) uv
	@$(BIN)/uv pip compile --quiet pyproject.toml --extra build --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade -o requirements.lock
	@$(BIN)/uv pip compile --quiet pyproject.toml --extra build --extra dev --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade -o requirements-dev.lock

clean: ## Remove the virtual environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here. Kruispunt needs Python 3.11 or later. Install it with: apt install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Kruispunt needs Python 3.11 or later; $(PYTHON) is older. Name another one with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Kruispunt needs Python's venv module. Install it with: apt install python3-venv"; exit 1; }
	@made="$$(sed -n 's/^command = .* -m venv \(--[^ ]* \)*//p' $(VENV)/pyvenv.cfg 2>/dev/null)"; [ -z "$$made" ] || [ "$$made" = "$(CURDIR)/$(VENV)" ] || { echo "$(VENV) was made as $$made and would run what stands there: this folder was moved or copied. Remove it with: make clean"; exit 1; }

$(BIN)/python: | python
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.setup: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing Kruispunt into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.setup-dev: $(VENV)/.setup requirements-dev.lock
	@echo "Installing the development tools ..."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
