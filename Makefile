# Every target works on a fresh machine: the first one that needs it makes .venv and installs into it.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.DEFAULT_GOAL := help
# tests that compute, and how: on what an old processor has, on what most have with two threads, on all that this one has
NUMERICAL := $(addprefix tests/,model data deliver estimators experiments oracles track sweeps/test_fused.py docs)
OLD := ATEN_CPU_CAPABILITY=default MKL_CBWR=COMPATIBLE OPENBLAS_CORETYPE=Nehalem
MOST := ATEN_CPU_CAPABILITY=avx2 MKL_CBWR=AVX2 OPENBLAS_CORETYPE=Haswell OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2
ALL := -u OPENBLAS_CORETYPE OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2

.PHONY: help setup train test test-slow test-kernels test-all test-hydra-next check format docs bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv and install everything into it

train: $(READY) ## train a first sweep: python src/train.py -m optim=adam,sgd
	$(BIN)/python src/train.py -m optim=adam,sgd

test: $(READY) ## run the tests of all that a change can break
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-slow: $(READY) ## run the tests that these leave out, and twenty times as many invented examples
	ONELAYER_EXAMPLES=20 $(BIN)/python -m pytest -n 2 -m "slow or hypothesis"

test-kernels: $(READY) ## run the numerical tests by other arithmetic than this processor's own, and on two threads
	@failed=0; for kernels in "$(OLD)" "$(MOST)" "$(ALL)"; do \
	  echo "env $$kernels"; env $$kernels $(BIN)/python -m pytest -q -n 2 $(NUMERICAL) || failed=1; \
	done; exit $$failed

test-all: test test-slow test-kernels ## run every test, also by other arithmetic

# an environment that sees the packages of .venv behind its own
NEXT := .venv-hydra-next
test-hydra-next: $(READY) ## run the tests of configurations and sweeps by the coming Hydra, a pre-release
	$(PYTHON) -m venv $(NEXT)
	$(NEXT)/bin/python -m pip install --quiet --disable-pip-version-check 'hydra-core==1.4.0rc3'
	$(BIN)/python -c 'import site; print("$(CURDIR)/src", *site.getsitepackages(), sep="\n")' > "$$(echo $(NEXT)/lib/python*/site-packages)/behind.pth"
	$(NEXT)/bin/python -m pytest -n 2 tests/sweeps tests/experiments tests/test_config.py tests/test_errors.py tests/test_train.py

check: $(READY) ## lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY) ## run all code of the documentation, draw its figures, build the site in site/
	$(BIN)/python scripts/docs_build.py

bench: $(READY) ## run the benchmarks, write docs/benchmarks
	$(BIN)/python scripts/bench_step.py
	$(BIN)/python scripts/bench_sweep.py
	$(BIN)/python scripts/bench_data.py
	$(BIN)/python scripts/bench_deliver.py
	$(BIN)/python scripts/bench_estimators.py
	$(BIN)/python scripts/bench_report.py

clean: ## remove .venv and caches; outputs stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis dist site

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(READY)
