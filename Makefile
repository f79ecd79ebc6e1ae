# Everything a developer types. A machine needs Python 3.11 and make; the rest comes as wheels into .venv.

PYTHON ?= $(or $(shell command -v python3.11 || command -v python3),python3)
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help setup dev test unit integration coverage soak bench bench-tools bench-check check lint types layers package audit fuzz fuzz-api format docs-renderer clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## make .venv with everything in it; quick when nothing changed

$(STAMP): pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit("chatcore needs Python 3.11 or later." if sys.version_info < (3, 11) else 0)'
	@echo "Installing into .venv; the first time takes a minute or two."
	@"$(PYTHON)" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

dev: setup ## the service, PostgreSQL, auth and inference on this machine; DEV="--port 8003" for another port
	$(BIN)/chatcore dev $(DEV)

test: unit integration ## all tests

unit: setup ## tests without sockets and without a database
	$(BIN)/pytest tests/unit --numprocesses auto

coverage: setup ## all tests, and which branches of the code they reach
	$(BIN)/pytest --cov --cov-report=term

integration: setup ## tests over a real PostgreSQL and real sockets
	$(BIN)/pytest tests/integration

soak: setup ## random clients and random faults for ten minutes; SOAK="--seconds 60 --seed 7" for others
	$(BIN)/python -m benchmarks.soak $(SOAK)

bench-tools: setup ## tests of the benchmark's own tools, which need a C compiler
	$(BIN)/pytest tests/benchmarks/tools --quiet

bench-check: setup ## tests of the benchmark that need no C compiler: imports, its smallest round, its page
	$(BIN)/pytest tests/benchmarks --ignore tests/benchmarks/tools --quiet

bench: bench-tools ## what everything costs, in 20 minutes; BENCH="--only streams --rounds 1" for a part, --help for more
	$(BIN)/python -m benchmarks $(BENCH)

check: lint types layers package bench-check ## everything but the tests: lint, types, layers, the built wheel, the benchmark

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/deptry src tests benchmarks examples

types: setup
	$(BIN)/mypy
	$(BIN)/pyright

layers: setup
	$(BIN)/lint-imports

package: setup
	$(BIN)/pytest tests/packaging

audit: $(BIN)/pip-audit ## known vulnerabilities in the exact versions; AUDIT="--vulnerability-service osv" asks another
	.ci/audit $(AUDIT)

$(BIN)/pip-audit: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[audit]'
	@touch $@

fuzz: $(BIN)/.fuzz ## fuzz everything that reads what strangers send, on Linux; FUZZ="--seconds 600" for longer
	$(BIN)/python -m tests.fuzz $(FUZZ)

$(BIN)/.fuzz: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[fuzz]'
	@touch $@

fuzz-api: setup ## the API against requests made up from its description; SECONDS_EACH=600 for longer
	CHATCORE_FUZZ_SECONDS=$(or $(SECONDS_EACH),300) $(BIN)/pytest tests/integration/fuzzing

format: setup ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs-renderer: ## replace the vendored renderer of /docs, with npm; VERSION=2.4.820, which is required
	@"$(PYTHON)" tools/update_docs_renderer.py $(or $(VERSION),$(error docs-renderer needs a VERSION))

clean: ## remove .venv and what the tools left
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
