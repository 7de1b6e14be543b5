# Two commands: `make book` and `make test`. Both set up .venv by themselves.
PYTHON ?= python3
PROFILE ?= quick
IMAGES ?= $(LEUKGNN_IMAGES)
WEIGHTS ?= $(LEUKGNN_WEIGHTS)
REPOSITORY ?=
CORES ?= 2

BIN := .venv/bin
READY := .venv/.ready
SNAKEMAKE = $(BIN)/snakemake --cores $(CORES) --config profile='$(PROFILE)' \
	images='$(IMAGES)' weights='$(WEIGHTS)' repository='$(REPOSITORY)'

.PHONY: book plan test bench features cnn readme clean

book: $(READY)
	$(SNAKEMAKE) --quiet rules

plan: $(READY)
	$(SNAKEMAKE) --dry-run

test: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest

bench: $(READY)
	$(BIN)/python -m benchmarks

features: $(READY)
	$(BIN)/leukgnn features '$(IMAGES)' --weights '$(WEIGHTS)' --output leukgnn/data/features.npz
	$(BIN)/leukgnn features '$(IMAGES)' --weights '$(WEIGHTS)' --unnormalised \
		--output leukgnn/data/features_unnormalised.npz
	$(BIN)/leukgnn features '$(IMAGES)' --weights random:0 --output leukgnn/data/features_random.npz

cnn: $(READY)
	$(BIN)/leukgnn finetune '$(IMAGES)' --weights '$(WEIGHTS)' \
		--output leukgnn/data/cnn_predictions.parquet

readme: $(READY)
	$(BIN)/leukgnn readme

clean:
	rm -rf build _build book/chapters book/generated .snakemake

# Made anew whenever the requirements change.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@
