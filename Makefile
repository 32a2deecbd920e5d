# `make demo` shows it, `make test` proves it; the rest is for developers.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test bench soak lint types fuzz format golden fidelity clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.demo
	@sh examples/contoso/demo.sh $(BIN)/reconciler

test: lint types
	$(BIN)/python -m pytest --durations=10

# Speed and memory, as ratios within one run. Not part of the tests: a busy machine is no defect.
bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks

# Thousands of organizations that nobody wrote down: generated, planned, changed in one attribute. An hour or so.
SOAK_CASES ?= 5000
soak: $(VENV)/.dev
	SOAK_CASES=$(SOAK_CASES) $(BIN)/python -m pytest tests/cases/test_generated.py -k "any_organization or over_http"

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(VENV)/.dev
	$(BIN)/mypy
	$(BIN)/mypy --platform win32

# Coverage-guided, a minute for each door through which bytes of strangers come in; DOORS="plan smtp" for some.
# What is found stays in build/fuzz, and each defect gets a test of its own.
FUZZ_SECONDS ?= 60
fuzz: $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[fuzz]'
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(DOORS)

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Golden files are what people read: look at the difference before you commit it.
golden: $(VENV)/.dev
	GOLDEN_UPDATE=1 $(BIN)/python -m pytest tests/golden
	git diff --stat -- tests/golden

# Which test holds which rule of Exchange.
fidelity: $(VENV)/.dev
	$(BIN)/python -m tests.lab.fidelity

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	    || { echo "This Python cannot make virtual environments: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[lab]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
