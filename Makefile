# Everything a person or CI does here. `make` alone explains itself.
.DEFAULT_GOAL := help
SHELL := /bin/bash

VENV ?= .venv
BIN := $(VENV)/bin
# The demo home, and its clock: the samples were written in March 2026, so its deadlines are judged on 1 April.
HOME_DIR ?= data/home
AS_OF ?= 2026-04-01T00:00:00Z
# The first Python found that the project supports.
PYTHON ?= $(shell for p in python3.11 python3.12 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && { echo $$p; break; }; done)

# What the demo's vendor, a server that `make run` starts on this machine, takes for a key (data/demo).
export DEMO_WEBSHOP_KEY ?= demo
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export DAGSTER_DISABLE_TELEMETRY := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1

.PHONY: help run demo-vendors test test-all conformance wheel reference check fuzz mutants faults dev docs bench clean install install-dev lock audit sbom fmt dbt

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or 3.12 found. Install one (Debian: apt-get install python3 python3-venv)."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python's venv module is incomplete. Install it (Debian: apt-get install python3-venv), then run make again."; exit 2; }

$(VENV)/.installed: $(VENV)/bin/python requirements.lock pyproject.toml
	@echo "Installing the locked dependencies (once; about a minute) ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	@echo "Installing the tools for tests and checks (once) ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

install: $(VENV)/.installed ## Install the product into .venv
install-dev: $(VENV)/.installed-dev ## Install the product and the developers' tools into .venv

$(HOME_DIR)/quietlist.toml:
	@(umask 077 && mkdir -p $(HOME_DIR)/inbox)
	@cp -Rp data/samples/*/ data/demo/inbox/*/ $(HOME_DIR)/inbox/
	@cat data/samples/quietlist.toml data/demo/quietlist.toml > $@

run: install $(HOME_DIR)/quietlist.toml ## Install, make a demo home from the samples, run everything, say where to look
	@$(BIN)/python -m tools.demo $(BIN)/quietlist run --home $(HOME_DIR) --as-of $(AS_OF)

demo-vendors: install ## Keep the demo's vendors up, for running quietlist on the demo home by hand (Ctrl-C stops them)
	@$(BIN)/python -m tools.demo --home $(HOME_DIR) --as-of $(AS_OF)

# A file of tests stays with one process, so that what its tests share is made once. Past 8 processes the disk is what they wait for.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile --durations 20

# A change is judged on the same random histories as the one before it; test-all and fuzz draw new ones, and print their seed.
test: install-dev ## Run the tests but the long seeded forms, on all cores (system packages only for the browser, PostgreSQL and mailbox tests, which say why they skip)
	@QUIETLIST_TEST_SEED=$(or $(SEED),1) $(PYTEST) --hypothesis-seed $(or $(SEED),1)

test-all: install-dev ## The same with the long seeded forms (two to three hours)
	@$(PYTEST) -m "slow or not slow"

reference: install-dev ## Write the reference pages of the docs from the code
	@$(BIN)/python -m tools.reference

check: install-dev ## Lint, types, SQL, definitions: everything that is not a test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/sqlfluff lint dbt_project/models --processes 2 --disable-progress-bar
	$(BIN)/yamllint --strict .
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/dagster definitions validate -w workspace.yaml
	$(BIN)/dg check defs

$(VENV)/.installed-fuzz: $(VENV)/.installed-dev requirements-fuzz.lock
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-fuzz.lock
	@touch $@

conformance: install-dev ## Hold every vendor's system to the same suite and print the table of cases and systems
	@$(BIN)/python -m tests.vendors.matrix $(ARGS)

fuzz: $(VENV)/.installed-fuzz ## Random histories (HISTORIES=40), then each fuzzing target for MINUTES (10 by default); what it finds is in .fuzz/crashes
	@QUIETLIST_HISTORIES=$(or $(HISTORIES),40) $(BIN)/python -m pytest -m slow -s tests/fuzz
	@$(BIN)/python -m tests.fuzz.campaign --minutes $(or $(MINUTES),10) $(TARGETS)

mutants: install-dev ## Change the staging models, macros and seeds in small wrong ways and print what no test noticed (SIZE=30 SEED=1 FOLDERS=...)
	@$(BIN)/python -m tests.mutants --size $(or $(SIZE),30) --seed $(or $(SEED),1) $(FOLDERS)

faults: install ## Inject every fault and kill 200 runs in throw-away homes; fails when one opt-out is lost (20 minutes)
	@$(BIN)/quietlist faults
	@$(BIN)/quietlist faults --crashes 200

dev: install-dev $(HOME_DIR)/quietlist.toml ## Open Dagster's pages on the demo home at http://127.0.0.1:3000
	@umask 077 && QUIETLIST_HOME=$(abspath $(HOME_DIR)) DAGSTER_HOME=$$($(BIN)/python -c \
		"from orchestration.run import prepare_instance; from orchestration.core.home import Home; print(prepare_instance(Home.at('$(HOME_DIR)')))") \
		$(BIN)/python -m tools.demo $(BIN)/dg dev --use-active-venv

$(VENV)/.installed-bench: $(VENV)/.installed-dev requirements-bench.lock
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-bench.lock
	@touch $@

bench: $(VENV)/.installed-bench ## Measure speed on generated data, beside what one would use instead, and print tables (SIZE=1000000 by default)
	@$(BIN)/python -m benchmarks.run $(if $(SIZE),--size $(SIZE))

docs: install-dev ## Write the models' documentation as one page, build/docs/index.html, with the tables of the demo home where it has run
	@mkdir -p build/docs
	@QUIETLIST_HOME=$(abspath $(HOME_DIR)) $(BIN)/python -m orchestration.reconcile.dbt docs generate --static --quiet --target-path $(abspath build/dbt)
	@mv build/dbt/static_index.html build/docs/index.html
	@echo "Written: build/docs/index.html"

dbt: install-dev ## Any dbt command with the vars the orchestration passes, e.g. make dbt ARGS="docs generate"
	@$(BIN)/python -m orchestration.reconcile.dbt $(ARGS)

wheel: install ## Build the wheel, install it by itself in an empty folder and run the demo with it
	@rm -rf build/wheel && mkdir -p build/wheel/demo/inbox
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/wheel .
	@$(BIN)/python -m venv build/wheel/venv
	@build/wheel/venv/bin/python -m pip install --quiet --require-hashes -r requirements.lock
	@build/wheel/venv/bin/python -m pip install --quiet --no-deps build/wheel/*.whl
	@cp -Rp data/samples/*/ build/wheel/demo/inbox/ && cp data/samples/quietlist.toml build/wheel/demo/
	@cd build/wheel/demo && ../venv/bin/quietlist run --as-of $(AS_OF) && ../venv/bin/quietlist verify
	@cd build/wheel/demo && ../venv/bin/dagster definitions validate -m orchestration.definitions

fmt: install-dev ## Format Python and SQL
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix dbt_project/models --processes 2 --disable-progress-bar

lock: ## Renew the lock files from pyproject.toml (needs uv)
	uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras --no-header --extra build pyproject.toml -o requirements.lock
	uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras --no-header --extra build --extra server --extra postgres --extra fast --extra encryption --extra sftp --extra mariadb --extra redis -c requirements.lock pyproject.toml -o requirements-server.lock
	uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras --no-header --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	echo atheris | uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header - -o requirements-fuzz.lock
	printf '%s\n' polars splink | uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -c requirements-dev.lock - -o requirements-bench.lock

audit: install-dev ## Check the lock files: pinned, hashed, what pyproject.toml asks for; known vulnerabilities where they can be asked for
	@$(BIN)/python .ci/supply_chain.py audit

sbom: install-dev ## Write the bill of materials (CycloneDX 1.6) to build/quietlist.cdx.json
	@$(BIN)/python .ci/supply_chain.py sbom

clean: ## Remove the demo home, caches and build results; keep .venv
	rm -rf $(HOME_DIR) dbt_project/target dbt_project/logs .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
