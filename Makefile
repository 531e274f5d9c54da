# Everything here needs only make and Python 3.11 to 3.14 with venv, on Linux (the call engine's wheels
# are built for glibc, x86-64 and ARM64). No root, no compiler, no system package.
#
#   make run                the server with its sandbox; ARGS="--http 127.0.0.1:9000" adds arguments
#   make test               format, lint, types, and every test that is not slow; ARGS="-k tape" narrows the tests
#   make test-all           the slow tests: kills, seeds, loads
#   make bench              what we claim about speed
#   make picture            docs/first-run.svg, drawn from a real session (needs curl and port 8080)
#   make lock               pin the dependencies of pyproject.toml anew; UPGRADE=1 takes the newest
#   make format | clean
#   make PYTHON=python3.12  says which Python makes .venv

VENV := .venv
BIN  := $(VENV)/bin
UV   := 0.13.9
PIP  := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Only wheels, each with the hash in the lock: nothing is compiled and nothing unknown is run.
INSTALL := $(PIP) install --require-hashes --only-binary :all:

.PHONY: run test test-all bench picture lock format clean
.DEFAULT_GOAL := run
.DELETE_ON_ERROR:

run: $(VENV)/run.stamp
	exec $(BIN)/ringback serve --demo $(ARGS)

test: $(VENV)/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy src client/src
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

test-all: $(VENV)/test.stamp
	$(BIN)/python -m pytest -m slow $(ARGS)

bench: $(VENV)/test.stamp
	$(BIN)/python -m bench $(ARGS)

picture: $(VENV)/run.stamp
	$(BIN)/python docs/make-first-run.py

format: $(VENV)/test.stamp
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# --- .venv ---------------------------------------------------------------------------------------------
# A stamp is written last, so an interrupted installation leaves none and is begun again from nothing.
# It says where the venv was made: a folder that moved, or lost its Python, is begun again too.
WHERE := import sys; print(sys.prefix)
ifneq ($(wildcard $(VENV)/run.stamp),)
  $(shell [ "$$($(BIN)/python -c '$(WHERE)' 2>&1)" = "$$(cat $(VENV)/run.stamp)" ] || rm -f $(VENV)/*.stamp)
endif

# $(call make_venv,FOLDER): with the first Python of these that starts, has a fitting version and has venv.
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
FITS    := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))
define make_venv
@for python in $(PYTHONS); do \
  if $$python -c '$(FITS)' >/dev/null 2>&1; then \
    echo "Making $(1) with $$python"; exec $$python -m venv --clear $(1); \
  fi; \
done; \
echo "Ringback needs Python 3.11 to 3.14 with its venv module (on Debian: python3-venv)." >&2; \
echo "None of these is one: $(PYTHONS). Name another: make PYTHON=/path/to/python3" >&2; \
exit 1
endef

$(VENV)/run.stamp: requirements/run.txt
	$(call make_venv,$(VENV))
	$(INSTALL) -r requirements/run.txt
	$(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c '$(WHERE)' > $@

$(VENV)/test.stamp: requirements/test.txt $(VENV)/run.stamp
	$(INSTALL) -r requirements/test.txt
	@touch $@

# --- the lock ------------------------------------------------------------------------------------------
# Every platform and Python in one file, with hashes and without the address of any index.
COMPILE := .lockenv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-annotate --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade) pyproject.toml --group build

lock: export UV_CUSTOM_COMPILE_COMMAND := make lock
lock: .lockenv/$(UV).stamp
	$(COMPILE) -o requirements/run.txt
	$(COMPILE) -o requirements/test.txt --group test -c requirements/run.txt

.lockenv/$(UV).stamp:
	$(call make_venv,.lockenv)
	.lockenv/bin/python -m pip --disable-pip-version-check --quiet install uv==$(UV)
	@touch $@

clean:
	rm -rf $(VENV) .lockenv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist src/*.egg-info client/build client/src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
