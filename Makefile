# Commands for people who work on this template; `make` alone lists them.
PYTHON ?= python3
VENV := .venv/.installed

# uv has names of its own for what pip calls so; empty is unset.
export UV_INDEX_URL ?= $(PIP_INDEX_URL)
export UV_EXTRA_INDEX_URL ?= $(PIP_EXTRA_INDEX_URL)

.PHONY: help demo test check fix e2e bench soak lock clean

help: ## list these commands
	@sed -n 's/^\([a-z0-9]*\):.*## /  \1\t/p' Makefile | expand -t 10

demo: build/load-lab ## bake the default project and run it here, without a cluster
	$(MAKE) -C build/load-lab local

test: $(VENV) ## all tests that need no cluster
	.venv/bin/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

check: $(VENV) ## format, lint and types; changes nothing
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/mypy tests/livesync
	.venv/bin/mypy tests/e2e
	MYPYPATH='{{cookiecutter.project_slug}}/loadtest:tests/livesync' .venv/bin/mypy --follow-imports=silent tests/oracle

fix: $(VENV) ## let Ruff repair what it can
	.venv/bin/ruff check --fix-only
	.venv/bin/ruff format

e2e: $(VENV) ## tests on a real cluster: docker-desktop, minikube or both
	.venv/bin/pytest tests/e2e

bench: $(VENV) ## save to live on loopback and on a real cluster, and load for a core, into build/bench
	PYTHONPATH=tests .venv/bin/python tests/livesync/bench.py
	PYTHONPATH=tests .venv/bin/python tests/livesync/throughput.py
	PYTHONPATH=tests .venv/bin/python tests/e2e/bench.py

soak: $(VENV) ## long series: 300 load tests edited on a swarm here; 500 edits, scaled workers and ten pulses on a cluster
	PYTHONPATH='tests/oracle:tests/livesync:{{cookiecutter.project_slug}}/loadtest' .venv/bin/python tests/oracle/on_swarm.py --sequences 300
	PYTHONPATH=tests .venv/bin/python tests/e2e/soak.py

# Locust is the one that the generated project pins.
lock: $(VENV) ## after a change of requirements.in
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		--constraints '{{cookiecutter.project_slug}}/loadtest/requirements.txt' requirements.in --output-file requirements.txt

clean: ## remove .venv and build, edits in build/load-lab included
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache

# Order-only, so that a project that is there keeps its edits.
build/load-lab: | $(VENV)
	.venv/bin/cookiecutter . --no-input --default-config --output-dir build

$(VENV): requirements.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: name one, such as make PYTHON=python3.13")'
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	touch $(VENV)
