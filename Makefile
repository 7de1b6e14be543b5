# `make book`, `make test` and `make demo`. All set up .venv by themselves.
PYTHON ?= python3
PROFILE ?= quick
PORT ?= 8000
IMAGES ?= $(LEUKGNN_IMAGES)
WEIGHTS ?= $(LEUKGNN_WEIGHTS)
REPOSITORY ?=
# A Snakemake profile, such as of a cluster; one that the shell exports is of another project.
CLUSTER =
CORES ?= $(shell $(PYTHON) -c 'import os; print(os.cpu_count())')
SHARDS ?= 1

BIN := .venv/bin
READY := .venv/.ready
LEUKGNN := $(BIN)/python -m leukgnn.cli
# One word for the shell, whatever is in it, and one text for Snakemake: in a list, as 2019_07 alone is
# a number to it, and quotes at the ends of a value are lost.
quoted = '$(subst ','\'',$(1))'
text = $(call quoted,$(1)=["$(subst ",\",$(subst \,\\,$(2)))"])
SNAKEMAKE = $(BIN)/python -m leukgnn.steps --cores $(call quoted,$(CORES)) \
	$(if $(CLUSTER),--profile $(call quoted,$(CLUSTER))) --config $(call text,profile,$(PROFILE)) \
	$(call text,images,$(IMAGES)) $(call text,weights,$(WEIGHTS)) \
	$(call text,repository,$(REPOSITORY)) $(call text,shards,$(SHARDS))
# The code of this folder, wherever .venv came from and whatever the shell exports.
export PYTHONPATH := $(CURDIR)
export PYTHONUTF8 := 1
unexport PYTHONHOME

.PHONY: book pdf plan test planted mutants demo lab bench tolerance witness features cnn light looks properties model page screenshots publish readme clean

book: $(READY)
	$(SNAKEMAKE) --quiet rules

# After `make book`: the book as one file, build/leukgnn.pdf.
pdf: $(READY)
	$(LEUKGNN) pdf --output build/leukgnn.pdf

plan: $(READY)
	$(SNAKEMAKE) --dry-run

test: $(READY)
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest

# Plausible bugs planted one at a time: which test notices each.
planted: $(READY)
	$(BIN)/python -m tests.planted $(ONLY)

# Mutants of the rooms that carry the science: which of their own tests kills each.
mutants: $(READY)
	$(BIN)/python -m tests.mutants $(ONLY)

demo: $(READY)
	$(LEUKGNN) serve --weights $(call quoted,$(WEIGHTS)) --port $(call quoted,$(PORT))

# The chapters as notebooks. Jupytext opens and saves the text files; settings of one's own stay.
lab: $(READY)
	JUPYTER_CONFIG_DIR=build/lab $(BIN)/jupytext-config set-default-viewer markdown myst
	JUPYTER_CONFIG_PATH=build/lab $(BIN)/python -m jupyterlab notebooks

# Training keeps its large arrays here as in the step `runs` of the Snakefile, which says why.
bench witness: export MALLOC_MMAP_THRESHOLD_ := 4294967296
bench witness: export MALLOC_TRIM_THRESHOLD_ := 8589934592

bench: $(READY)
	$(BIN)/python -m benchmarks

# Whether the witness would pass on other processors, whose instruction sets stand in for them.
tolerance: $(READY)
	$(BIN)/python -m benchmarks.witness

# Every published run computed again, and compared.
witness: $(READY)
	$(LEUKGNN) witness --all

# Of ImageNet weights, of none, and of the encoder that ships.
features: $(READY)
	$(LEUKGNN) features $(call quoted,$(IMAGES)) --weights $(call quoted,$(or $(WEIGHTS),imagenet)) \
		--output leukgnn/data/features.npz
	$(LEUKGNN) features $(call quoted,$(IMAGES)) --weights $(call quoted,$(or $(WEIGHTS),imagenet)) \
		--unnormalised --output leukgnn/data/features_unnormalised.npz
	$(LEUKGNN) features $(call quoted,$(IMAGES)) --weights random:0 \
		--output leukgnn/data/features_random.npz
	$(LEUKGNN) features $(call quoted,$(IMAGES)) --weights leukgnn/data/encoder.safetensors \
		--output leukgnn/data/features_encoder.npz

cnn: $(READY)
	$(LEUKGNN) finetune $(call quoted,$(IMAGES)) --weights $(call quoted,$(WEIGHTS)) \
		--output leukgnn/data/cnn_predictions.parquet

light: $(READY)
	$(LEUKGNN) light $(call quoted,$(IMAGES)) --weights $(call quoted,$(WEIGHTS)) \
		--output leukgnn/data/light.parquet

looks: $(READY)
	$(LEUKGNN) looks $(call quoted,$(IMAGES)) --weights $(call quoted,$(WEIGHTS)) \
		--output leukgnn/data/looks.parquet

properties: $(READY)
	$(LEUKGNN) properties $(call quoted,$(IMAGES)) --output leukgnn/data/properties.parquet

# The demo's models, on the features of the encoder that ships and of ImageNet weights.
model: $(READY)
	$(LEUKGNN) model leukgnn/data/features.npz
	$(LEUKGNN) model leukgnn/data/features_encoder.npz

# The demo's page, from frontend/ into the package; needs Node.js 20.19 or newer.
page:
	cd frontend && npm ci --silent && npm test --silent && npm run --silent build

# The pictures of chapter 14, of "Try it" and of "Explore".
screenshots: $(READY)
	LEUKGNN_SCREENSHOTS=book $(BIN)/python -m pytest tests/demo tests/book/test_explorer.py -k "keyboard or other_neighbours or address"

# After `make book`, or `make book PROFILE=full`: what was computed here, and the tables, become the
# published ones; runs that were only read stay as they are.
publish: $(READY)
	$(LEUKGNN) publish
	$(LEUKGNN) readme

readme: $(READY)
	$(LEUKGNN) readme

clean:
	rm -rf build _build book/chapters book/generated .snakemake

# Made anew whenever the requirements change: their text, as a date alone changes with every checkout
# and no network may be there. What an earlier attempt left without pip or with an old Python is
# cleared away.
$(READY): pyproject.toml constraints.txt
	@$(BIN)/python -c '$(FIT)' 2>/dev/null || { \
		$(PYTHON) -c '$(RECENT)' && $(PYTHON) -m venv --clear .venv; }
	@cat $^ | cmp -s - $@ || $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@cat $^ > $@

FIT = import pip, sys; sys.exit(sys.version_info < (3, 11))
RECENT = import sys; sys.exit(sys.version_info < (3, 11) and "leukgnn needs Python 3.11 or newer, \
	this one is " + sys.version.split()[0] + ": make PYTHON=python3.11")
