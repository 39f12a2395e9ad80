# Entry points; what they do stands in scripts/.
PYTHON ?= python3
RUN := .venv/bin/python
# Two workers; tests/conftest.py says what stays together, and what begins first.
TWO := -n 2 --dist loadscope --no-loadscope-reorder
export PYTHON

.PHONY: quickstart test test-full test-rounds test-slurm benchmark lint format schema lock setup

quickstart: setup ## run config.yaml on this machine and write results/report.html
	@$(RUN) scripts/quickstart.py

test: setup ## the tests, in under eight minutes on two cores
	@$(RUN) -m pytest $(TWO)

test-full: setup ## all rounds of all tests
	@PROXYKD_FULL=1 $(RUN) -m pytest $(TWO)

test-rounds: setup ## the rounds that make test leaves out
	@PROXYKD_FULL=1 $(RUN) -m pytest $(TWO) -m full

test-slurm: setup ## a one-node Slurm on this machine (root, Debian)
	@bash tests/slurm/run.sh

benchmark: setup ## what the training loop and augmentation cost, beside others
	@$(RUN) benchmarks/training.py

lint: setup ## formatting, lint, types, spelling, Snakemake's own lint
	@bash scripts/lint.sh

format: setup ## format Python and Snakemake files
	@.venv/bin/ruff format -q . && .venv/bin/ruff check -q --fix . && .venv/bin/snakefmt Snakefile workflow 2>/dev/null

schema: setup ## write workflow/schemas from the typed configuration
	@$(RUN) scripts/schema.py

lock: ## pin envs/requirements.in with hashes (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-header envs/requirements.in envs/development.in --output-file envs/requirements.lock

setup:
	@bash scripts/setup.sh
