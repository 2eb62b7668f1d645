# Set-up, demonstration, tests. Needs GNU make, bash and Python 3.11.
# Any target can be repeated or interrupted: what is done is not done again.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
WORKSPACE ?= runs/calculator
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements/cpu-py311.txt
BUILD := requirements/build.txt
DEV := requirements/dev.txt
# Tests run two at a time, and each stays on one core, vLLM as well.
TESTS := OMP_NUM_THREADS=1 VLLM_CPU_OMP_THREADS_BIND=nobind $(BIN)/python -m pytest -n 2

# A stamp is named after the content that it stands for, and is written last: an edited lock or an interrupted install has none.
# An editable install names its folder, so the project's stamp covers that too.
stamp = $(VENV)/.done-$(1)-$(shell { cat $(2); echo $(3); } | sha256sum | cut -c1-12)
VENV_DONE := $(VENV)/.done-venv
PACKAGES_DONE := $(call stamp,packages,$(LOCK) $(BUILD))
PROJECT_DONE := $(call stamp,project,pyproject.toml,'$(CURDIR)')
DEV_DONE := $(call stamp,dev,$(DEV))

# Where it is set, every process compiles torch and transformers anew: twice the seconds, and the tests start many processes.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

# phase TEXT COMMAND...: one line for what is done and the seconds it took.
# install ARGS...: pip without the lines that some machines' configuration provokes; its exit status is pip's. pip takes a package for
# installed when its metadata is there, and writes INSTALLER after all else: what an interrupted pip left half unpacked is forgotten first.
define functions
phase() { local text=$$1 start=$$SECONDS; shift; printf 'setup: %s ... ' "$$text"; "$$@"; echo "$$((SECONDS - start)) s"; }
install() {
  local info
  for info in $(VENV)/lib/python*/site-packages/*.dist-info; do [ -e "$$info/INSTALLER" ] || rm -rf "$$info"; done
  $(BIN)/python -m pip install -q --no-deps --no-compile "$$@" 2>&1 | { grep -v '^WARNING: Location .* is ignored' >&2 || true; }
}
endef

.PHONY: help setup demo test check lint slow format clean-venv

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(PACKAGES_DONE) $(PROJECT_DONE) ## create .venv with every package in its locked version (PYTHON=python3.11)

demo: setup ## run pipelines/calculator.yaml from seeds to report; a second run has nothing to do (WORKSPACE=runs/calculator)
	@$(BIN)/factory run pipelines/calculator.yaml -w "$(WORKSPACE)"

test: setup $(DEV_DONE) ## the tests but for those of the whole product: tests/unit and tests/model (ARGS="-k name")
	@$(TESTS) --dist worksteal $(ARGS)
	echo 'not tested here: the whole product, tests/e2e (make slow)'

check: lint ## lint, types and the tests that need no model, tests/unit: about two minutes, before each commit
	@$(TESTS) --dist worksteal -o testpaths=tests/unit $(ARGS)

lint: setup $(DEV_DONE) ## ruff and mypy
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The tests of a file follow each other in one process. FINISHED_RUN=WORKSPACE: the run to look at, else a small one is made first.
slow: setup $(DEV_DONE) ## the tests of the whole product, tests/e2e: real models, servers, kills (FINISHED_RUN=WORKSPACE of a finished demo)
	@$(TESTS) --dist loadfile -o testpaths=tests/e2e $(ARGS)

format: setup $(DEV_DONE) ## sort imports, mend what ruff can, format
	@$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

clean-venv: ## remove .venv and the tools' caches; workspaces stay
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV_DONE):
	@$(functions)
	$(PYTHON) -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
	  || { echo "$(PYTHON) is no Python 3.11 with venv: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	rm -rf $(VENV)/lib/python*/site-packages/{pip,pip-*}
	phase "creating $(VENV) with $(PYTHON)" $(PYTHON) -m venv $(VENV)
	touch $@

$(PACKAGES_DONE): | $(VENV_DONE)
	@$(functions)
	rm -f $(VENV)/.done-packages-*
	phase "$$(grep -c '^[^#]' $(LOCK)) packages of $(LOCK), about 3 GB and 2 minutes" install -r $(LOCK) -r $(BUILD)
	touch $@

$(PROJECT_DONE): | $(PACKAGES_DONE)
	@$(functions)
	rm -f $(VENV)/.done-project-*
	phase "the checkout itself, editable" install --no-build-isolation -e .
	touch $@

$(DEV_DONE): | $(PACKAGES_DONE)
	@$(functions)
	rm -f $(VENV)/.done-dev-*
	phase "test and check tools of $(DEV)" install -r $(DEV)
	touch $@
