# Market Intel. `make` alone lists the targets; `make run` does everything, set-up included.

BIN := .venv/bin

export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false

# dbt reads the environment, not .env: it gets the settings that Python has.
SETTINGS = settings=$$($(BIN)/python -m config) && eval "$$settings"

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run setup .venv ingest build quality charts docs demo-scrape train eval eval-intervals bench test test-slow test-faults browser lint format
.PHONY: lock clean yahoo market

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s%s\n", $$1, $$2 }' Makefile

run: setup ingest build charts quality ## Set-up, ingest, build, charts and quality reports, in order

# ---- The environment ------------------------------------------------------------------------------

# What .venv was made from: this folder (scripts in .venv name it), its Python, and the lock.
MADE_FROM = { pwd -P; $(BIN)/python -V; cat requirements.txt; } 2>&1 | cksum
IS_FRESH = [ "$$(cat .venv/.made-from 2>/dev/null)" = "$$($(MADE_FROM))" ]
FIND_BASE = import sys; print(sys._base_executable) if (3, 11) <= sys.version_info < (3, 14) else sys.exit(1)

setup: ## Make .venv as locked, with uv or else pip; does nothing where it is up to date
	@$(IS_FRESH) || $$(command -v flock >/dev/null && echo flock Makefile) $(MAKE) --no-print-directory .venv

# pip would compile on one core, and the packages' own tests, too.
.venv:
	@$(IS_FRESH) && exit 0; set -e; \
	fail() { printf 'error: %s\n       %s\n' "$$@" >&2; exit 1; }; \
	for name in python3.11 python3; do \
		base=$$($$name -Ic '$(FIND_BASE)' 2>/dev/null) && break; \
	done; \
	[ "$$base" ] || fail "no Python from 3.11 to 3.13 was found as python3.11 or python3." \
		"On Debian: sudo apt-get install -y python3 python3-venv; then make again."; \
	if command -v uv >/dev/null; then \
		echo "Setting up .venv from requirements.txt with uv and $$base"; \
		uv venv --quiet --clear --no-project --python "$$base" .venv; \
		uv pip sync --quiet --require-hashes --no-build --compile-bytecode --python .venv requirements.txt; \
	else \
		"$$base" -c 'import ensurepip' 2>/dev/null || fail "$$base cannot make environments: it lacks ensurepip." \
			"On Debian: sudo apt-get install -y python3-venv; then make again. Or install uv."; \
		echo "Setting up .venv from requirements.txt with pip and $$base (a minute or two)"; \
		"$$base" -m venv --clear .venv; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
			--only-binary :all: --no-compile -r requirements.txt; \
		$(BIN)/python -m compileall -qq -j 0 -x /tests/ .venv/lib || :; \
	fi; \
	$(MADE_FROM) > .venv/.made-from

COMPILE = uv pip compile --quiet --universal --python-version 3.11 --only-binary :all: --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command 'make lock' $(ARGS)

lock: ## Resolve requirements*.in into requirements*.txt with uv; ARGS=--upgrade takes newer releases
	$(COMPILE) --output-file requirements.txt requirements.in
	$(COMPILE) --constraint requirements.txt --output-file requirements-eval.txt requirements-eval.in
	$(COMPILE) --constraint requirements.txt --output-file requirements-yahoo.txt requirements-yahoo.in
	@! grep -nE 'https?:|file:|^-' requirements*.txt

# $(call INSTALL,arguments): locked packages, on top of requirements.txt.
INSTALL = if command -v uv >/dev/null; \
	then uv pip install --quiet --require-hashes --no-deps --no-build --python .venv $(1); \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--only-binary :all: $(1); fi

yahoo: setup ## Install yfinance, for python -m ingest prices --yahoo
	@$(call INSTALL,-r requirements-yahoo.txt)

# ---- The flow -------------------------------------------------------------------------------------

ingest: setup ## Land records from SOURCE=… with ARGS="…"; demo records where nothing says otherwise
	$(BIN)/python -m ingest $(or $(SOURCE),auto) $(ARGS)

build: setup ## dbt build: raw records to published tables, behind the quality gates
	@echo dbt build; $(SETTINGS) && $(BIN)/dbt build

quality: setup ## Quality reports from the published file
	$(BIN)/python -m warehouse.quality

charts: setup ## Pictures and the market brief from the published file
	$(BIN)/python -m charts

docs: setup ## Every table and column on one page; prints where
	@echo dbt docs generate; $(SETTINGS) && $(BIN)/dbt docs generate --static && \
		echo target/static_index.html

PRICES = ../shared/data/prices
market: export MARKET_INTEL_DATA := $(or $(MARKET_INTEL_DATA),data-market)
market: setup ## Posts in CAPTURES=… against prices in PRICES=…: tables, charts, reports, result, on root data-market
	@ls -d $(CAPTURES) $(PRICES) >/dev/null || \
		{ echo 'Name yours: make market CAPTURES=path/to/files PRICES=path/to/bars' >&2; exit 1; }
	$(BIN)/python -m ingest archive $(CAPTURES)
	$(BIN)/python -m ingest prices $(PRICES)
	@$(MAKE) --no-print-directory build charts quality
	@$(BIN)/python tests/readme_queries.py "$$MARKET_INTEL_DATA/market_intel.duckdb" docs/real-captures.md

demo-scrape: setup browser ## Source x, in real browsers, against a local replica of X's search; prints its recall
	$(BIN)/python -m tests.scrape $(ARGS)

# ---- The text model -------------------------------------------------------------------------------

LABELLED = ../shared/data/labelled
CAPTURES = ../shared/data/india_tweets
# What is there already is not landed twice.
LAND_CAPTURES = MARKET_INTEL_DATA=target/captures $(BIN)/python -m ingest archive $(CAPTURES)/*
LEARN_FROM = --labelled $(LABELLED) --captures target/captures/raw/tweets

train: setup ## Fit the text model anew from LABELLED=… and CAPTURES=…; the next build fits topics anew
	$(LAND_CAPTURES)
	$(BIN)/python -m ml train $(LEARN_FROM)
	@$(SETTINGS) && rm -f "$$MARKET_INTEL_DATA/models/topics/current"

# Apart from .venv, since one of them brings a package called tests, which would hide ours.
EVAL_TOOLS = target/eval-tools
$(EVAL_TOOLS): requirements-eval.txt | setup
	@rm -rf $@; $(call INSTALL,--target $@ -r $<); rm -rf $@/tests; touch $@

eval: setup $(EVAL_TOOLS) ## Measure the text model and other tools on texts not seen
	$(LAND_CAPTURES)
	@$(SETTINGS) && PYTHONPATH=$(EVAL_TOOLS) $(BIN)/python -m ml evaluate $(LEARN_FROM) --reports "$$MARKET_INTEL_DATA/reports"

eval-intervals: setup ## Coverage of the bars' intervals, by simulation through the models' own SQL
	$(BIN)/python -m tests.eval_intervals $(ARGS)

bench: setup $(EVAL_TOOLS) ## Speed of the text step, on TEXTS=… (Parquet with a column text), and of a million posts' bars
	PYTHONPATH=$(EVAL_TOOLS) $(BIN)/python -m tests.bench_text $(if $(TEXTS),--texts $(TEXTS))
	$(BIN)/python -m tests.bench_bars

# ---- Checks ---------------------------------------------------------------------------------------

test: setup browser ## Every test but the longest; ARGS="tests/ingest -k name" picks some
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not faults and not slow" $(ARGS)

test-slow: setup ## Tests that read or build much: any order of arrival, purges, the scale set (minutes)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow $(ARGS)

test-faults: setup browser ## Source x on 6,000 posts: ten seeds with every fault, twenty kills (half an hour)
	$(BIN)/python -m pytest -m faults -s $(ARGS)

# Tests of the browser source skip where there is none; a machine of CI's gets one.
browser:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$name >/dev/null && exit 0; \
	done; \
	[ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ] && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "No Chrome or Chromium found: installing one"; \
		apt-get update -q >/dev/null && \
			apt-get install -qy --no-install-recommends chromium chromium-driver >/dev/null && exit 0; \
	fi; \
	echo "No Chrome or Chromium: what needs one is skipped. On Debian or Ubuntu, to have one:"; \
	echo "  sudo apt-get install -y chromium chromium-driver"

# Linting SQL compiles it, which opens the build's file and keeps what dbt parsed: a place of its own keeps
# it off yours.
LINT_SQL = mkdir -p target/lint/build && \
	MARKET_INTEL_DATA=target/lint DBT_TARGET_PATH=target/lint/dbt DBT_LOG_PATH=target/lint/logs $(BIN)/sqlfluff
lint: setup ## Style, types and SQL
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(LINT_SQL) lint warehouse

format: setup ## Mend what the linters can mend
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format
	$(LINT_SQL) fix warehouse

clean: ## Remove caches and build files; .venv, records and published tables stay
	@! $(IS_FRESH) || { $(SETTINGS) && rm -rf "$$MARKET_INTEL_DATA/build"; }
	rm -rf target logs .mypy_cache .ruff_cache .pytest_cache .hypothesis
