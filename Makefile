# `make book`, `make test` and `make demo`. All set up .venv by themselves.
PYTHON ?= python3
PROFILE ?= quick
PORT ?= 8000
IMAGES ?= $(LEUKGNN_IMAGES)
WEIGHTS ?= $(LEUKGNN_WEIGHTS)
REPOSITORY ?=
CORES ?= $(shell $(PYTHON) -c 'import os; print(os.cpu_count())')
SHARDS ?= 1

BIN := .venv/bin
READY := .venv/.ready
SNAKEMAKE = $(BIN)/snakemake --cores $(CORES) --config profile='$(PROFILE)' \
	images='$(IMAGES)' weights='$(WEIGHTS)' repository='$(REPOSITORY)' shards='$(SHARDS)'

.PHONY: book plan test demo bench tolerance witness features cnn model page screenshots publish readme clean

book: $(READY)
	$(SNAKEMAKE) --quiet rules

plan: $(READY)
	$(SNAKEMAKE) --dry-run

test: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest

demo: $(READY)
	$(BIN)/leukgnn serve --weights '$(WEIGHTS)' --port '$(PORT)'

bench: $(READY)
	$(BIN)/python -m benchmarks

# Whether the witness would pass on other processors, whose instruction sets stand in for them.
tolerance: $(READY)
	$(BIN)/python -m benchmarks.witness

# Every published run computed again, and compared.
witness: $(READY)
	$(BIN)/leukgnn witness --all

features: $(READY)
	$(BIN)/leukgnn features '$(IMAGES)' --weights '$(WEIGHTS)' --output leukgnn/data/features.npz
	$(BIN)/leukgnn features '$(IMAGES)' --weights '$(WEIGHTS)' --unnormalised \
		--output leukgnn/data/features_unnormalised.npz
	$(BIN)/leukgnn features '$(IMAGES)' --weights random:0 --output leukgnn/data/features_random.npz

cnn: $(READY)
	$(BIN)/leukgnn finetune '$(IMAGES)' --weights '$(WEIGHTS)' \
		--output leukgnn/data/cnn_predictions.parquet

# The demo's model, on each of the shipped feature files.
model: $(READY)
	$(BIN)/leukgnn model leukgnn/data/features.npz
	$(BIN)/leukgnn model leukgnn/data/features_random.npz

# The demo's page, from frontend/ into the package; needs Node.js 20.19 or newer.
page:
	cd frontend && npm ci --silent && npm test --silent && npm run --silent build

# The pictures of chapter 11.
screenshots: $(READY)
	LEUKGNN_SCREENSHOTS=book $(BIN)/python -m pytest tests/demo/test_demo.py -k phantoms

# After `make book`, or `make book PROFILE=full`: what was computed here, and the tables, become the
# published ones; runs that were only read stay as they are.
publish: $(READY)
	$(BIN)/leukgnn publish
	$(BIN)/leukgnn readme

readme: $(READY)
	$(BIN)/leukgnn readme

clean:
	rm -rf build _build book/chapters book/generated .snakemake

# Made anew whenever the requirements change.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@
