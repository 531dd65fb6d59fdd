# Every command of the project; the first one used sets up .venv from the lock.
# Kept to what GNU make 3.81 and BSD tools understand, so that it also works on macOS.

PYTHON = python3
VENV = .venv
BIN = $(VENV)/bin
# Rewritten after every complete installation: newer than the two files that decide what it holds.
READY = $(VENV)/.ready
# The same for what only the coursework needs, which readers and Binder are spared.
READY_COURSEWORK = $(VENV)/.ready-coursework
# Notebooks to execute, for example PAGES="chapters/optimizers/sgd.ipynb"; all of them when empty.
PAGES =
# A folder of STUDENT/ASSIGNMENT/NOTEBOOK.ipynb to grade.
SUBMISSIONS = coursework/submitted
# More options for uv, for example UV_FLAGS=--upgrade to move every version forward.
UV_FLAGS =

# The tests start hundreds of processes: let Python keep what it has compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup book test notebooks coursework grade test-cpus bench kills lint lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s  %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## install everything into .venv (the other commands do it when needed)

book: $(READY) ## build the book and say which file to open
	@# A second build reads only what changed, so it would not repeat the warnings of a failed one:
	@# forget what was read.
	$(BIN)/jupyter-book build -W -n --keep-going . || { rm -rf _build/.doctrees; exit 1; }
	@# Pages that did not change are not written again; this date tells when the book was last built.
	@touch _build/html/index.html
	@echo
	@echo "The book is built. Open $(CURDIR)/_build/html/index.html"

test: book $(READY_COURSEWORK) ## run every test: package, notebooks, book, lab, coursework
	OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

notebooks: $(READY) ## execute the notebooks (or PAGES="...") and store their outputs
	$(BIN)/python tools/store_outputs.py $(PAGES)

coursework: $(READY_COURSEWORK) ## make the assignments as students get them, in coursework/release
	$(BIN)/python coursework/grade.py release

grade: $(READY_COURSEWORK) ## grade a folder of submissions (SUBMISSIONS=...)
	$(BIN)/python coursework/grade.py grade $(SUBMISSIONS)

test-cpus: $(READY) ## compare the notebooks' outputs under the arithmetic of other processors
	$(BIN)/python tools/compare_cpus.py

bench: $(READY) ## measure the speed of training beside other libraries
	$(BIN)/python benchmarks/training_step.py
	$(BIN)/python benchmarks/optimizers.py
	$(BIN)/python benchmarks/batchnorm_scales.py
	$(BIN)/python benchmarks/search.py

kills: $(READY) ## kill 200 runs and 200 searches at random moments, resume and compare them
	$(BIN)/python tools/kill_and_resume.py --kills 200

lint: $(READY) ## check style and format of code and notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

RESOLVE = _build/uv/bin/uv pip compile --universal --fork-strategy fewest --python-version 3.11 \
  --no-emit-index-url --custom-compile-command "make lock" $(UV_FLAGS) pyproject.toml

lock: ## resolve pyproject.toml into the two lock files again
	$(PYTHON) -m venv _build/uv
	_build/uv/bin/python -m pip install --quiet uv
	$(RESOLVE) --extra book --extra lab --extra search --extra test -o requirements.txt
	$(RESOLVE) --extra coursework --constraint requirements.txt -o coursework/requirements.txt

clean: ## remove what was built; .venv stays
	rm -rf _build .pytest_cache .ruff_cache .hypothesis training_tricks.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(READY): requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "$(PYTHON) was not found. Install Python 3.11 or newer (Debian, Ubuntu:" \
	    "sudo apt install python3 python3-venv; macOS: brew install python)," \
	    "or name one: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, and $(PYTHON) is" \
	    "`$(PYTHON) -c 'import sys; print(sys.version.split()[0])'`. Install a newer one and" \
	    "name it, for example: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make a virtual environment, because its venv module is incomplete." \
	    "On Debian and Ubuntu it is a package of its own: sudo apt install python3-venv." \
	    "Then run the same make command again." >&2; exit 1; }
	@# A virtual environment without a working pip was interrupted or moved: make it again.
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing the locked packages into $(VENV); the first time takes a few minutes ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@# Without build isolation nothing but the lock is needed, and no network once it is installed.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps --no-build-isolation -e .
	@touch $@

$(READY_COURSEWORK): coursework/requirements.txt $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
