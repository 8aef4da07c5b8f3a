# Commands for people who work on this template; `make` alone lists them.
PYTHON ?= python3
# The uv of this machine, or else the locked one, which pip installs. All other packages are installed by uv.
UV ?= $(or $(shell uv --version > /dev/null 2>&1 && command -v uv),.venv/bin/uv)
VENV := .venv/.installed
# After an upgrade of Python on this machine, .venv may lead to one that is gone, and is made anew with all packages.
$(shell test -x .venv/bin/python || rm -f .venv/.installed .venv/.bake)
# Installs cookiecutter alone, which the demo needs, unless the tools are installed as well.
BAKE := $(if $(wildcard $(VENV)),$(VENV),.venv/.bake)

# Compiled code beside the template's files would be part of every bake.
export PYTHONDONTWRITEBYTECODE := 1

# uv compiles the packages when it installs them, because the line above keeps Python from it.
export UV_COMPILE_BYTECODE := 1
# Pass pip's index settings to uv under its own names; empty counts as unset.
export UV_INDEX_URL := $(or $(UV_INDEX_URL),$(PIP_INDEX_URL))
export UV_EXTRA_INDEX_URL := $(or $(UV_EXTRA_INDEX_URL),$(PIP_EXTRA_INDEX_URL))
export UV_INSECURE_HOST := $(or $(UV_INSECURE_HOST),$(PIP_TRUSTED_HOST))

.PHONY: help demo test check fix e2e bench soak lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  %-8s%s\n", $$1, $$2}' Makefile

demo: build/load-lab ## bake the default project and run it here, without a cluster
	$(MAKE) -C build/load-lab local UV='$(abspath $(UV))'

test: $(VENV) ## all tests that need no cluster
	.venv/bin/pytest --numprocesses 6 --dist loadfile --no-loadscope-reorder

check: $(VENV) ## check format, lint and types; changes nothing
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/hadolint '{{cookiecutter.project_slug}}'/*/Dockerfile

fix: $(VENV) ## let Ruff repair what it can
	.venv/bin/ruff check --fix-only
	.venv/bin/ruff format

e2e: $(VENV) ## tests on real clusters: docker-desktop, minikube, kind, k3d and colima, whichever answer
	.venv/bin/pytest tests/cluster

bench: $(VENV) ## measure the time from save to live here and on a cluster, and requests per core, into build/bench
	.venv/bin/python -m benchmarks.livesync_on_loopback
	.venv/bin/python -m benchmarks.many_workers
	.venv/bin/python -m benchmarks.throughput
	.venv/bin/python -m benchmarks.livesync_on_cluster

soak: $(VENV) ## long series: 300 load tests edited on a swarm here; faults, 500 edits, scaled workers and ten pulses on a cluster
	.venv/bin/python -m tests.oracle.swarm_series --sequences 300
	.venv/bin/pytest tests/cluster/faults
	.venv/bin/python -m benchmarks.soak_on_cluster

# Locust is the one that the generated project pins.
lock: $(VENV) ## after a change of requirements.in
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		--constraints '{{cookiecutter.project_slug}}/loadtest/requirements.txt' requirements.in --output-file requirements.txt

clean: ## remove .venv and build, edits in build/load-lab included
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache

# Order-only, so that a project that is there keeps its edits.
build/load-lab: | $(BAKE)
	.venv/bin/cookiecutter . --no-input --default-config --output-dir build

$(VENV): requirements.txt | .venv/bin/python $(filter .venv/%,$(UV))
	$(UV) pip sync --python .venv/bin/python --require-hashes requirements.txt
	touch $@

.venv/.bake: requirements.txt | .venv/bin/python $(filter .venv/%,$(UV))
	$(UV) pip install --python .venv/bin/python --constraint requirements.txt cookiecutter
	touch $@

.venv/bin/uv: | .venv/bin/python
	sed -n '/^uv==/,/[^\\]$$/p' requirements.txt | .venv/bin/pip install --disable-pip-version-check --require-hashes --requirement /dev/stdin

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: name one, such as make PYTHON=python3.13")'
	$(PYTHON) -m venv --clear $(if $(filter .venv/%,$(UV)),,--without-pip) .venv
