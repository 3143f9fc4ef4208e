# Everything here works on a machine that has only Python >= 3.11 and git.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help demo demo-once test lint types layers check messages lock clean

help:            ## the targets
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(VENV)/.ready: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "listserv needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(VENV)/.ready   ## the virtual environment, from the locked requirements

demo: $(VENV)/.ready    ## a complete community on this machine, until Ctrl-C
	$(BIN)/listserv demo

demo-once: $(VENV)/.ready  ## the same, ending when the play is over
	$(BIN)/listserv demo --once

test: $(VENV)/.ready    ## all tests for which this machine has the parts
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.ready    ## ruff: style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready   ## mypy, strict
	$(BIN)/mypy

layers: $(VENV)/.ready  ## who may import whom
	$(BIN)/lint-imports --no-cache

check: lint types layers test  ## everything that the build asks for

messages: $(VENV)/.ready  ## the catalogues of German and French, brought up to the words of code and templates
	$(BIN)/python -m babel.messages.frontend -q extract -F babel.cfg --no-default-keywords -k _ -k gettext -k ngettext:1,2 -k N_ -k phrase \
	  -k phrases:1,2 --add-location=file --sort-by-file --width=100 --project=listserv \
	  --copyright-holder="The listserv developers" -o listserv/locale/listserv.pot .
	for language in de fr; do $(BIN)/python -m babel.messages.frontend -q update -i listserv/locale/listserv.pot -D listserv -l $$language \
	  -d listserv/locale --width=100 --ignore-obsolete --init-missing --previous || exit 1; done
	rm listserv/locale/listserv.pot

lock:            ## renew the locked requirements (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --no-emit-index-url \
	  --python-version 3.11 pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --no-emit-index-url \
	  --python-version 3.11 --group dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
