# HBM panorama: parameters in, one report out. `make help` lists what there is.

PYTHON ?= python3
PARAMS ?= params
BUILD  ?= build
AS_OF  ?=
REMOTE := origin
BRANCH := gh-pages
SITE   :=
PORT   :=
PDF    :=
DRY_RUN :=
ALLOW_DIRTY :=
HOOK   :=
export HOOK

VENV   := .venv
RUN    := $(VENV)/bin/python
READY  := $(VENV)/ready
TOOLS  := $(VENV)/tools-ready
PIP    := $(RUN) -m pip install --disable-pip-version-check --no-input --quiet --no-compile
LOCKED := $(PIP) --no-deps --require-hashes --only-binary :all:
TESTED := $(VENV)/tested
TESTED_FILES = Makefile README.md pyproject.toml requirements.lock requirements-dev.lock \
          $(shell find kernels notebooks params reportlib tests ! -name '*.pyc' ! -name __pycache__)
LOCK   := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
          --only-binary :all: --no-emit-index-url --no-header --upgrade pyproject.toml

.DEFAULT_GOAL := help
.PHONY: report site cluster bench serve watch publish test check doctor schema calibrate golden lab lock node clean clean-all help

report: $(READY)  ## Build build/hbm-panorama.html and build/hbm-panorama.pdf
	@$(RUN) -m reportlib report --params "$(PARAMS)" --build "$(BUILD)" $(if $(AS_OF),--as-of "$(AS_OF)")

site: $(READY)  ## Build build/site, a page for every chip and model; PAIRS=all for every pair of chips
	@$(RUN) -m reportlib site --params "$(PARAMS)" --build "$(BUILD)" $(if $(AS_OF),--as-of "$(AS_OF)") \
	  $(if $(PAIRS),--pairs "$(PAIRS)")

cluster: $(READY)  ## Add what makes pages on a Dask cluster: reportlib site --executor dask --scheduler …
	@$(LOCKED) --requirement requirements-cluster.lock

test: $(TOOLS)  ## Run the tests
	@$(RUN) -m pytest -n auto
	@touch $(TESTED)

check: $(TOOLS)  ## Everything that must pass before a change lands: style, types, imports, tests
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy reportlib
	@$(VENV)/bin/lint-imports --no-cache
	@$(VENV)/bin/nbstripout --verify notebooks/*.ipynb notebooks/*/*.ipynb
	@$(MAKE) --no-print-directory $(TESTED)

$(TESTED): $(TESTED_FILES)  # tests that passed on these very files are not run again
	@$(MAKE) --no-print-directory test

serve: $(READY)  ## Show what was built in a browser on this machine
	@$(RUN) -m reportlib serve --build "$(BUILD)" $(if $(PORT),--port "$(PORT)")

watch: $(READY)  ## Build the report's page after every edit, and show it in a browser; PDF=1 for the PDF, too
	@$(RUN) -m reportlib watch --params "$(PARAMS)" --build "$(BUILD)" $(if $(AS_OF),--as-of "$(AS_OF)") \
	  $(if $(PORT),--port "$(PORT)") $(if $(PDF),--pdf)

PLACE = --params "$(PARAMS)" --build "$(BUILD)" $(if $(AS_OF),--as-of "$(AS_OF)") \
        --remote "$(REMOTE)" --branch "$(BRANCH)" $(if $(SITE),--site "$(SITE)") $(if $(ALLOW_DIRTY),--allow-dirty)

publish: $(READY)  ## Publish build/site to gh-pages, or to SITE=/folder, or by HOOK='command'; DRY_RUN=1 tells
	@$(if $(HOOK),:,$(RUN) -m reportlib keep-editions $(PLACE))
	@$(MAKE) --no-print-directory site
	@$(RUN) -m reportlib publish $(PLACE) $(if $(HOOK),--hook "$$HOOK") \
	  $(if $(DRY_RUN),--dry-run)

bench: $(READY)  ## Measure builds beside plain papermill, and how many cases a second formulas do
	@OMP_NUM_THREADS=1 $(RUN) -m reportlib.bench.kernels --build "$(BUILD)"
	@$(RUN) -m reportlib.bench.builds --build "$(BUILD)"
	@$(RUN) -m reportlib.bench.pages --build "$(BUILD)"

doctor:  ## Tell what is wrong with the environment, and what to do about it
	@$(RUN) -c '' 2>/dev/null || { echo "There is no Python that runs in $(VENV). Make it anew: rm -rf $(VENV) && make report"; exit 1; }
	@$(RUN) -m reportlib.pipeline.doctor --params "$(PARAMS)" --build "$(BUILD)"

schema: $(READY)  ## Rewrite the schemas that editors complete params by
	@$(RUN) -m reportlib schema

calibrate: $(TOOLS)  ## Fit the constants of engines to params/measurements.csv anew
	@OMP_NUM_THREADS=1 $(RUN) -m reportlib calibrate --params "$(PARAMS)"

golden: $(TOOLS)  ## Rewrite tests/golden after a wanted change of numbers
	@REWRITE_GOLDEN=1 $(RUN) -m pytest -q tests/test_golden.py

node: .node/ready  ## Add the checkers of HTML and workflows, which need Node and Java

.node/ready: tests/node/package.json tests/node/package-lock.json
	@mkdir -p .node && cp tests/node/package.json tests/node/package-lock.json .node
	@npm ci --prefix .node --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

lab: $(TOOLS)  ## Open the notebooks in JupyterLab
	@$(VENV)/bin/jupyter lab notebooks

lock: $(TOOLS)  ## Choose the newest versions of all libraries anew
	@$(LOCK) --output-file requirements.lock
	@$(LOCK) --extra cluster --constraint requirements.lock --output-file requirements-cluster.lock
	@$(LOCK) --extra dev --extra cluster --constraint requirements-cluster.lock --output-file requirements-dev.lock

# The environment is made anew whenever what it is made from changes, and only then.
$(READY): requirements.lock pyproject.toml $(shell find kernels -type f)
	@command -v $(PYTHON) >/dev/null || { echo "HBM panorama needs Python 3.11 or newer, and there is no $(PYTHON). Install it, or name one: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "HBM panorama needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Name another: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module. Install it (on Debian and Ubuntu: apt install python3-venv) and run make again."; exit 1; }
	@echo "Setting up $(VENV), once; this takes a minute or two."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(LOCKED) --requirement requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(RUN) -m compileall -q -j 0 $(VENV)/lib reportlib || true
	@touch $@

$(TOOLS): $(READY) requirements-dev.lock
	@echo "Adding the tools for tests and checks, once."
	@$(LOCKED) --requirement requirements-dev.lock
	@$(RUN) -m compileall -q -j 0 $(VENV)/lib || true
	@touch $@

clean:  ## Remove what was built
	rm -rf $(BUILD)

clean-all: clean  ## Remove the environment and all caches as well
	rm -rf $(VENV) .node .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

help:  ## Show this list
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
