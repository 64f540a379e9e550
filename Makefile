# Everything a newcomer or a CI machine runs. Each target creates .venv when it is missing.
PYTHON ?= python3
JOBS   ?= 2
ARGS   ?=

VENV    := .venv
BIN     := $(VENV)/bin
DEMO    := $(VENV)/.demo
DEV     := $(VENV)/.dev
STUBS   := $(VENV)/.stubs
REPORTS := build/reports

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-lit test-py lint format docs bench check-wheel clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: PYTHON=$(PYTHON) (3.11 or newer)  JOBS=$(JOBS) (tests at a time)  ARGS= (for the command)"

venv: $(DEV) ## Create .venv with everything in it

demo: $(DEMO) ## Train a real network on a real task (4 minutes); ARGS=sentiment for another
	@$(BIN)/pock demo $(ARGS)

test: $(DEV) ## Run the lit tests (lit/) and the Python tests (tests/)
	@status=0; \
	$(MAKE) --no-print-directory test-lit || status=1; \
	$(MAKE) --no-print-directory test-py || status=1; \
	exit $$status

test-lit: $(DEV) ## Run the lit tests only
	@mkdir -p $(REPORTS)
	@$(BIN)/lit --workers=$(JOBS) --verbose --xunit-xml-output=$(REPORTS)/lit.xml lit

test-py: $(DEV) ## Run the Python tests only, e.g. make test-py ARGS="-k layering"
	@mkdir -p $(REPORTS)
	@$(BIN)/pytest --numprocesses=$(JOBS) --dist=loadfile --junitxml=$(REPORTS)/pytest.xml $(ARGS)

lint: $(STUBS) ## Check style, formatting and types
	@status=0; \
	$(BIN)/ruff check . || status=1; \
	$(BIN)/ruff format --check . || status=1; \
	$(BIN)/basedpyright || status=1; \
	exit $$status

format: $(DEV) ## Format the code and mend what ruff can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(DEV) ## Write the generated pages of docs/ from the classes
	@$(BIN)/python tools/gen_docs.py $(ARGS)

bench: $(DEV) ## Time training steps against other frameworks; ARGS="--models minilm --peers pytorch"
	@$(BIN)/python -m benchmarks.peers $(ARGS)

check-wheel: $(DEV) ## Build the sdist, the wheel from it, and import every module from the wheel
	@$(BIN)/python tools/check_wheel.py

clean: ## Remove what builds and tests leave, but not .venv
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis

# A stamp a set of extras: what the demo needs, and what development needs on top.
$(DEMO) $(DEV): $(VENV)/.%: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is not Python 3.11 or newer; try: make PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
	  { echo "cannot create $(VENV): on Debian, apt install python3-venv" >&2; exit 1; }
	@echo "Installing pock-mlir[$*] into $(VENV) (about 2 GB, once) ..."
	@$(BIN)/python -m pip install --disable-pip-version-check --editable '.[$*]'
	@touch $@

$(STUBS): $(DEV) tools/make_stubs.py
	@$(BIN)/python tools/make_stubs.py
	@touch $@
