# make setup   a virtual environment with everything (.venv)
# make demo    the main job: videos → dataset → a trained model → features, in demo/  (MEDIA=DIR: from your own files, in demo-media/)
# make test    the tests, without the slow ones
# make test-slow  the slow ones: several processes and nodes, kills, real recordings
# make lint    ruff, and mypy over package and tests
# make soak    kills, takedowns and damaged files, MINUTES=60 of them (SEED=1)
# make bench   every benchmark of speed, into docs/results.md and benchmark-data/speed (ROUNDS=5)
# make docs    the documentation as a site, in build/docs
# make wheel   the wheel, in dist/
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: help setup demo test test-slow lint bench docs soak wheel clean

help:
	@sed -n 's/^# make /make /p' Makefile

setup: $(VENV)/ready

# torch for this machine's Python comes first: the versions in constraints.txt are those that were tested.
$(VENV)/ready: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "yt360 needs Python 3.11 or newer, found " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[train,segment,report,view,ray,s3,dev]"
	@touch $@

demo: setup
	$(BIN)/python pipelines/demo.py $(if $(MEDIA),--media "$(MEDIA)")

test: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

test-slow: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m slow --durations 25

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

soak: setup
	nice $(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),60) --seed $(or $(SEED),1)

bench: setup
	$(BIN)/python -m benchmarks.speed --rounds $(or $(ROUNDS),5) --page docs/results.md

docs: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --builder html docs build/docs
	@echo "file://$(CURDIR)/build/docs/index.html"

wheel: setup
	rm -rf build
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean:
	rm -rf demo demo-media build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
