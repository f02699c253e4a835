# Every target does its own set-up: it needs python3 (3.11 or newer) and make, nothing else.
PYTHON ?= python3
SEED ?= 42
STEPS ?= 120
RUN_READY := .venv/run.stamp
TEST_READY := .venv/test.stamp
COMPILE_READY := .venv/compile.stamp
BENCH_READY := .venv/bench.stamp
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help sim-run sim-metrics-run wargame test lint compiled policy-build treaty-verify bench lock schemas clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

# The virtual environment counts as made only when its stamp is written: a set-up that broke off starts anew.
$(RUN_READY): requirements/run.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Aurora Sim needs Python 3.11 or newer; '$(PYTHON)' is older. Name another: make PYTHON=python3.12 ..." >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "'$(PYTHON)' has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	@rm -rf .venv
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(COMPILE_READY): requirements/compile.lock $(RUN_READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/compile.lock
	@touch $@

$(TEST_READY): requirements/test.lock $(COMPILE_READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.lock
	@touch $@

sim-run: $(RUN_READY) ## run scenarios/baseline.yaml into out/ with plots (honours SEED, STEPS)
	$(BIN)/python -m aurora_sim run scenarios/baseline.yaml --seed $(SEED) --steps $(STEPS) --out out --plots

sim-metrics-run: $(RUN_READY) ## the same, a simulated minute a second, with metrics on 127.0.0.1:9110
	$(BIN)/python -m aurora_sim run scenarios/baseline.yaml --seed $(SEED) --steps $(STEPS) --out out --metrics-port 9110 --pace 60 --serve

wargame: compiled ## play the whole catalogue of war games with 20 seeds; the report and the results go into out/wargame
	$(BIN)/python -m aurora_sim wargame --seeds 20 --json out/wargame/results.json --junit out/wargame/junit.xml --report out/wargame

compiled: $(COMPILE_READY) ## compile the hot path, where there is a C compiler (a minute; an order then takes a third less time)
	@$(BIN)/python -m aurora_sim.compiled

test: $(TEST_READY) compiled ## run the tests
	$(BIN)/python -m pytest -n 2

lint: $(TEST_READY) ## formatting, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

policy-build: ## compile the policy and the war game's bad releases (Debian's rustc, libstd-rust-dev-wasm32, lld)
	policy/build.sh policy/wasm/vault-law-akash-policy.wasm
	policy/build.sh policy/war-game/denies-eu-west-1.wasm war-game/denies-eu-west-1.rs
	policy/build.sh policy/war-game/traps-on-some-orders.wasm war-game/traps-on-some-orders.rs

treaty-verify: $(RUN_READY) ## check the treaty and the committed policy module against the ABI
	$(BIN)/aurora-sim policy check policy/wasm/vault-law-akash-policy.wasm

$(BENCH_READY): requirements/bench.lock $(TEST_READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.lock
	@touch $@

# Each tells what it wants and exits with 1 where it does not get it; the others still run.
BENCHMARKS := "hot_path.py --rounds 3 --steps 300" "start_up.py --rounds 5" "memory.py --orders 10000 100000" growth.py cores.py \
  "simulators.py --orders 10000" "decisions.py --orders 10000" read_back.py

bench: $(BENCH_READY) compiled ## the benchmarks' short form: an order against its floor, start, memory, growth, cores, others, reading back
	@status=0; for benchmark in $(BENCHMARKS); do \
	  echo "== $$benchmark"; $(BIN)/python benchmarks/$$benchmark || status=1; \
	done; exit $$status

schemas: $(RUN_READY) ## write the JSON Schemas of scenarios and of signed orders anew
	$(BIN)/aurora-sim schema --write

lock: ## pin the dependencies anew from pyproject.toml (needs uv)
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra build --extra plots --extra postgres --extra redis pyproject.toml -o requirements/run.lock
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra compile -c requirements/run.lock pyproject.toml -o requirements/compile.lock
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra build --extra compile --extra dask --extra parquet --extra plots --extra postgres --extra redis --extra test -c requirements/compile.lock pyproject.toml -o requirements/test.lock
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra bench -c requirements/test.lock pyproject.toml -o requirements/bench.lock

clean: ## remove what was made, the environment included
	rm -rf .venv out build dist
