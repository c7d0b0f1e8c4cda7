# `make demo` and `make test` set everything up by themselves; they need Python >= 3.11 with venv and pip.
# Another Python beside it: make test PYTHON=python3.13 VENV=.venv-3.13
# What pip gives today, in the place of the versions that are pinned: CONSTRAINTS=
PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
FRAMEWORKS := .venv-frameworks

.PHONY: demo test test-slow test-long frameworks lint scripts format docs notebooks clean

demo: $(VENV)/installed
	$(BIN)/python train.py --config=configs/demo.py:synthetic_people/dsc --workdir=runs/demo --data_dir=data
	$(BIN)/python evaluate.py --workdir=runs/demo --data_dir=data
	@echo
	@echo "Look at runs/demo/evaluation.png. To draw with this model, type:"
	@echo "  . $(BIN)/activate"
	@echo "  pgjax examples synthetic_people --data_dir=data --out=examples --pair=6"
	@echo "  pgjax generate --model=runs/demo/export --source=examples/source.png \\"
	@echo "      --source_pose=examples/source_keypoints.json --target_pose=examples/sequence \\"
	@echo "      --out=examples/frames --animation=examples/moving.webp --enlarge=4"
	@echo "The first line makes pgjax and python known to this terminal; pgjax --help lists the commands."

test: $(VENV)/installed
	$(BIN)/python -m pytest

test-slow: $(VENV)/installed
	$(BIN)/python -m pytest -m slow

test-long: $(VENV)/installed
	$(BIN)/python -m pytest -m long

# TensorFlow and PyTorch, for the slow tests that compare with them; without it they are skipped. 2 GB.
frameworks: $(FRAMEWORKS)/installed

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check --python $(VENV)

# The types of the pages' scripts. Needs npx, which comes with Node.
scripts:
	npx --yes --package typescript@7.0.2 tsc --project tsconfig.json

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The site, in site/index.html. Strict: a warning, or a link to a page or a heading that is not there, is an error
# (but with --quiet, which hides warnings from --strict too).
docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Executes notebooks/*.py, as a reader would, and leaves them with their pictures in notebooks/executed/.
notebooks: $(VENV)/notebooks
	$(BIN)/python notebooks/run.py

$(VENV)/docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet $(addprefix --constraint ,$(CONSTRAINTS)) --editable ".[docs]"
	@touch $@

$(VENV)/notebooks: $(VENV)/installed
	$(BIN)/python -m pip install --quiet $(addprefix --constraint ,$(CONSTRAINTS)) --editable ".[notebooks]"
	@touch $@

$(VENV)/installed: pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit("pgjax needs Python 3.11 or newer, not " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(addprefix --constraint ,$(CONSTRAINTS)) --editable ".[dev]"
	@touch $@

# Little of it is imported: compiled when it is.
$(FRAMEWORKS)/installed: tests/frameworks.txt
	$(PYTHON) -m venv $(FRAMEWORKS)
	$(FRAMEWORKS)/bin/python -m pip install --quiet --no-compile --requirement tests/frameworks.txt
	$(FRAMEWORKS)/bin/python -m pip install --quiet --no-compile --no-deps tf_keras==2.21.0
	@touch $@

clean:
	rm -rf $(VENV) $(FRAMEWORKS) build dist site notebooks/executed notebooks/work *.egg-info .pytest_cache .ruff_cache
