# Two commands do all: `make compare` (the main job) and `make test`.
# The others are for people who change AfterCAR: see CONTRIBUTING.md.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
OUT    ?= results

.PHONY: compare test check docs validate coverage benchmark lock wheel clean

compare: $(VENV)/.run-ready
	$(BIN)/aftercar compare --out $(OUT)/compare.html $(ARGS)

test: $(VENV)/.dev-ready check
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.dev-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev-ready
	$(BIN)/python -m sphinx -W -b html docs docs/_build/html

# Installs R from Debian where it is missing, then recomputes every reference value.
validate: $(VENV)/.validate-ready
	bash validation/install_r.sh
	$(BIN)/python -m pytest validation $(ARGS)

# How often the intervals hold the truth, by simulation: about half an hour.
coverage: $(VENV)/.run-ready
	$(BIN)/python validation/coverage/simulate.py
	$(BIN)/python validation/coverage/tabulate.py --write

benchmark: $(VENV)/.run-ready
	$(BIN)/python benchmarks/compare_time.py

wheel: $(VENV)/.dev-ready
	$(BIN)/hatchling build -t wheel

# Writes the two lock files anew from pyproject.toml (needs uv).
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
        --no-annotate --custom-compile-command "make lock" --quiet
lock:
	$(LOCK) pyproject.toml requirements/build.in -o requirements/run.lock
	$(LOCK) pyproject.toml requirements/build.in --group dev -c requirements/run.lock -o requirements/dev.lock
	$(LOCK) pyproject.toml --group validate -c requirements/dev.lock -o requirements/validate.lock

# A bare Debian has python3 and pip but no ensurepip, so the environment is made
# without pip and the system's pip installs into it.
$(BIN)/python:
	@echo "Creating $(VENV) ..."
	@$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.run-ready: requirements/run.lock pyproject.toml | $(BIN)/python
	@echo "Installing AfterCAR from requirements/run.lock ..."
	@$(PYTHON) -m pip --python $(BIN)/python install --require-hashes --no-deps -r requirements/run.lock
	@$(PYTHON) -m pip --python $(BIN)/python install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev-ready: requirements/dev.lock $(VENV)/.run-ready
	@echo "Installing the tools for tests from requirements/dev.lock ..."
	@$(PYTHON) -m pip --python $(BIN)/python install --require-hashes --no-deps -r requirements/dev.lock
	@touch $@

$(VENV)/.validate-ready: requirements/validate.lock $(VENV)/.dev-ready
	@echo "Installing the solvers to compare with from requirements/validate.lock ..."
	@$(PYTHON) -m pip --python $(BIN)/python install --require-hashes --no-deps -r requirements/validate.lock
	@touch $@

clean:
	rm -rf $(VENV) $(OUT) dist docs/_build .pytest_cache .mypy_cache .ruff_cache
