# Everything a fresh machine needs is Python 3.11 or 3.12 and make.
#
#   make setup    .venv with pinned packages, and a Chromium
#   make run      the whole symbiotic loop on embedded tasks and models, ending in a table
#   make test     the tests
#   make check    what CI does: format, lint, types, tests
#   make interop  the tests with AgentLab, in an environment of its own: its openai is another
#
# The first call sets up (minutes); later ones find that done and start at once. PYTHON=python3.12 chooses the interpreter.

PYTHON ?= python3
VENV := .venv
# A file's tests stay together: they share what is dear to start.
PYTEST := $(VENV)/bin/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile
READY := $(VENV)/.ready
BUSY := $(VENV)/.unfinished
FITS := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))'

# The environment counts as ready when set-up ran to its end, in this very folder (its scripts hold absolute paths), and its
# interpreter still starts. Otherwise the rule for it runs, whatever the dates of the files say.
ifneq ($(shell [ "$$(cat $(READY) 2>/dev/null)" = "$$PWD" ] && $(VENV)/bin/python $(FITS) 2>/dev/null && echo yes),yes)
.PHONY: $(READY)
endif

.PHONY: help setup run test check interop clean

help:
	@sed -n 's/^#   //p' Makefile

setup: $(READY)
	@$(VENV)/bin/python -m symbiotic_gym.browser.install

run: setup
	$(VENV)/bin/symbiotic-gym symbiosis --out runs/default

test: setup
	$(PYTEST)

check: setup
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(PYTEST)

# AgentLab without what these tests do not use of it (ray, gradio, dask, torch): minutes instead of gigabytes.
INTEROP := .venv-interop
interop: setup
	@test -x $(INTEROP)/bin/pytest || { $(VENV)/bin/python -m venv $(INTEROP) \
	    && $(INTEROP)/bin/pip install -qq --disable-pip-version-check -e '.[interop]' 'openai<2' anthropic litellm pandas pyyaml \
	        gitpython joblib python-slugify requests python-dotenv contexttimer ipython browsergym-webarena hypothesis pytest \
	    && $(INTEROP)/bin/pip install -qq --disable-pip-version-check --no-deps agentlab==0.4.2; }
	$(INTEROP)/bin/python -m pytest -q -W ignore tests/interop

clean:
	rm -rf $(VENV) $(INTEROP) .mypy_cache .ruff_cache .pytest_cache build dist *.egg-info

# A set-up that was interrupted leaves $(BUSY) behind, and packages that may be half there: it is started over.
$(READY): pyproject.toml setup.cfg constraints.txt
	@set -e; python=; \
	for candidate in '$(PYTHON)' python3.12 python3.11; do \
	    if $$candidate $(FITS) >/dev/null 2>&1; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "no usable Python: '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | head -n 1)" >&2; \
	    echo "  expected: Python 3.11 or 3.12" >&2; \
	    echo "  why it matters: browsergym-core pins playwright 1.44, whose greenlet 3.0.3 does not build on 3.13" >&2; \
	    echo "  what to do: install one of them, or name it: make setup PYTHON=/path/to/python3.12" >&2; \
	    exit 1; \
	fi; \
	if [ -e $(BUSY) ] || { [ -e $(READY) ] && [ "$$(cat $(READY))" != "$$PWD" ]; } \
	    || { [ -e $(VENV)/bin/python ] && ! $(VENV)/bin/python $(FITS) 2>/dev/null; }; then \
	    echo "setup: $(VENV) is unfinished, moved or of another Python: starting over"; rm -rf $(VENV); \
	fi; \
	mkdir -p $(VENV); touch $(BUSY); rm -f $(READY); \
	if [ ! -x $(VENV)/bin/pip ]; then echo "setup: creating $(VENV) with $$($$python --version)"; $$python -m venv $(VENV); fi; \
	echo "setup: installing the packages of constraints.txt (some 2 GB; minutes the first time)"; \
	$(VENV)/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[train,ray,dev,webarena,webarena_verified]'; \
	$(VENV)/bin/python -c 'import symbiotic_gym'; \
	printf '%s\n' "$$PWD" > $(READY); rm -f $(BUSY); \
	echo "setup: done"
