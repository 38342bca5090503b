# Everything a contributor runs. It needs Python 3.11 or newer, pip and make; the first target that
# needs the environment builds it in .venv, and a second call finds the stamp and starts at once.
#
#   make              the gate: the same as `make test`
#   make run          starts a durable server, runs a first workflow on it, keeps the server up
#   make check        lint, format, types, import contracts, spelling, rules of the house
#   make test         check, then every test
#   make simulate     SEED=7 [COUNT=100]   seeded simulation; the same seed repeats a run exactly
#   make campaign     [SEED=1 COUNT=10000] thousands of seeds, for a night; lists those that fail
#   make crash        [ROUNDS=20]          kill -9 under load, restart, compare with what was promised
#   make golden       REFERENCE=path [GOLDEN_ARGS=]   records golden histories from the reference
#   make bench        [REFERENCE=path]     throughput, latency, CPU; the ratios if given another server
#   make long-run     [LONG_RUN_ARGS=--events=N]   a run of a million events: what does an event cost by then?
#   make bench-visibility                  lists and counts in a file of 1,100,000 executions
#   make bench-schedules [COUNT=60000]     schedules that fire in the same minute: all, none twice, how soon
#   make sdk-suite    SUITE=path [SUITE_PYTHON=] [SUITE_TESTS=list] [REPEATS=5] [SUITE_MODE=dev-server|time-skipping|...]
#                     [REFERENCE=path]     the official SDK's own tests against us, or the reference
#   make cli-check    CLI=path [CLI_ARGS=]   every subcommand of the official CLI, against us and the reference
#   make ui-check     UI_SERVER=path [REFERENCE=path CHROMIUM=path] [UI_ARGS=]   every page of the
#                     official Web UI in a browser, and what people do there
#   make docs         writes the reference pages that are made from tables in the code
#   make format       lets ruff rewrite the files
#   make lock         new versions and hashes in requirements/
#   make clean        removes what make has made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
COMPILED := $(VENV)/.compiled
PYTEST ?= $(BIN)/python -m pytest
PYTEST_ARGS ?=
WORKERS ?= 2

SOURCES := $(wildcard src tests simulation bench examples scripts)

# Says when a stage begins, so that a log shows where the minutes went.
stage = @date -u '+[%H:%M:%S] $(1)'

.DEFAULT_GOAL := test
.DELETE_ON_ERROR:
.PHONY: setup run check lint types contracts spelling tidy test simulate campaign crash golden bench bench-schedules bench-visibility long-run sdk-suite cli-check ui-check docs format lock clean

# -------------------------------------------------------------------------------------- environment
setup: $(COMPILED)

# The stamp is newer than whatever decides the content of the environment, or it is made again.
# Debian's python3 without python3-venv cannot put pip into a new environment; then our own pip does.
$(STAMP): pyproject.toml requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Indelible needs Python 3.11 or newer; say make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) (once; a minute or two)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) 2>/dev/null || { \
		rm -rf $(VENV); $(PYTHON) -m venv --without-pip $(VENV); }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || \
		$(PYTHON) -m pip --python $(BIN)/python install --quiet pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# What pip does for a package that it installs and not for a source tree: bytecode. Where the interpreter is told to
# write none (PYTHONDONTWRITEBYTECODE, usual in containers), each server compiled all its modules again: 0.35 s.
$(COMPILED): $(STAMP) $(shell find src -name '*.py')
	@$(BIN)/python -m compileall -q src && touch $@

# ---------------------------------------------------------------------------------------------- run
run: $(COMPILED)
	@$(BIN)/python scripts/first_run.py $(RUN_ARGS)

# -------------------------------------------------------------------------------------------- gates
check: lint types contracts spelling tidy

lint: $(STAMP)
	$(call stage,lint and format)
	$(BIN)/ruff check --quiet $(SOURCES)
	$(BIN)/ruff format --quiet --check $(SOURCES)

types: $(STAMP)
	$(call stage,types)
	$(BIN)/basedpyright --level error

contracts: $(STAMP)
	$(call stage,import contracts)
	@mkdir -p .cache
	$(BIN)/lint-imports --no-logo --cache-dir .cache/import_linter > .cache/contracts.txt 2>&1 || { cat .cache/contracts.txt; exit 1; }

spelling: $(STAMP)
	$(call stage,spelling)
	$(BIN)/codespell $(SOURCES) *.md Makefile pyproject.toml $(wildcard docs)

tidy: $(STAMP)
	$(call stage,rules of the house)
	$(PYTEST) tests/arch -q $(PYTEST_ARGS)

# The rules of the house are tests, so the full run repeats `tidy` rather than depending on it.
test: $(COMPILED) lint types contracts spelling
	$(call stage,tests)
	$(PYTEST) -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

# ------------------------------------------------------------------------------- long-running tools
simulate: $(COMPILED)
	$(BIN)/python -m simulation --seed $(or $(SEED),1) --count $(or $(COUNT),1)

campaign: $(COMPILED)
	$(BIN)/python -m simulation --seed $(or $(SEED),1) --count $(or $(COUNT),10000) --keep-going

crash: $(COMPILED)
	$(BIN)/python -m tests.crash --rounds $(or $(ROUNDS),20) $(if $(SEED),--seed $(SEED))

golden: $(COMPILED)
	@test -n "$(REFERENCE)" || { echo "Say which server: make golden REFERENCE=path/to/temporal"; exit 2; }
	$(BIN)/python -m tests.golden --server $(REFERENCE) --write $(GOLDEN_ARGS)

bench-visibility: $(COMPILED)
	$(BIN)/python -m bench.visibility

bench-schedules: $(COMPILED)
	$(BIN)/python -m bench.schedules --count $(or $(COUNT),60000)

bench: $(COMPILED)
	$(BIN)/python -m bench.macro $(if $(REFERENCE),--reference $(REFERENCE)) $(BENCH_ARGS)

long-run: $(COMPILED)
	$(BIN)/python -m bench.long_run $(LONG_RUN_ARGS)

sdk-suite: $(COMPILED)
	@test -n "$(SUITE)" || { echo "Say which suite: make sdk-suite SUITE=path/to/sdk-python"; exit 2; }
	$(BIN)/python -m scripts.sdk_suite --suite $(SUITE) $(if $(SUITE_PYTHON),--python $(SUITE_PYTHON)) \
		$(if $(SUITE_TESTS),--tests $(SUITE_TESTS)) $(if $(REPEATS),--repeats $(REPEATS)) \
		$(if $(SUITE_MODE),--mode $(SUITE_MODE)) $(if $(REFERENCE),--server $(REFERENCE)) -- $(SUITE_ARGS)

cli-check: $(COMPILED)
	@test -n "$(CLI)" || { echo "Say which executable: make cli-check CLI=path/to/temporal"; exit 2; }
	$(BIN)/python -m scripts.cli_check $(CLI) $(CLI_ARGS)

ui-check: $(STAMP)
	@test -n "$(UI_SERVER)" || { echo "Say which executable: make ui-check UI_SERVER=path/to/ui-server"; exit 2; }
	$(BIN)/python -m scripts.ui_check --ui-server $(UI_SERVER) $(if $(REFERENCE),--reference $(REFERENCE)) \
		$(if $(CHROMIUM),--chromium $(CHROMIUM)) $(UI_ARGS)

# ------------------------------------------------------------------------------------------- upkeep
format: $(STAMP)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

# The one command that needs uv, which the environment brings. No header and no index in the files:
# they hold names, versions and hashes, and any index that serves the same bytes will do.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header $(LOCK_ARGS)
docs: $(STAMP)
	$(BIN)/python scripts/dynamic_config_page.py
	$(BIN)/python -m scripts.cli_check.page
	$(BIN)/python scripts/cli_page.py

lock: $(STAMP)
	$(BIN)/$(LOCK) pyproject.toml -o requirements/runtime.txt
	$(BIN)/$(LOCK) pyproject.toml --group pyproject.toml:dev -o requirements/dev.txt

clean:
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache .hypothesis .coverage* htmlcov build dist .run
	find src tests simulation bench examples scripts -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
