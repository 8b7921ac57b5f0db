# make demo | test | lint | bench | peers | performance | wheel | cmake | clean       PYTHON=python3.12 make test chooses the interpreter
# make gates | mutants | gpu-check | check-cuda-torch           the CUDA kernels: docs/kernels.md
# make counts                                                   instructions of the CPU kernels: bench/README.md
# make reader-mutants | fuzz                                    the reader of checkpoints: docs/checkpoints.md
# Everything lives in .venv; stamps in it keep a second run from installing or building what is there.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt

NATIVE_SOURCES := $(wildcard csrc/*/*.h csrc/*/*/*.h csrc/*/*.cpp csrc/*/*.cu csrc/*/*.cuh)

.PHONY: demo test test-faults lint bench peers performance wheel cmake counts gates mutants reader-mutants fuzz \
        gpu-check check-cuda-torch clean

demo: $(VENV)/built
	$(BIN)/steerx demo --out out/demo

test: $(VENV)/built
	$(BIN)/python -m pytest tests

lint: $(VENV)/built
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clang-format --dry-run -Werror $(NATIVE_SOURCES) \
	  $(wildcard tests/native/*.cpp tests/native/*.h tests/native/*/*.cpp)

bench: $(VENV)/built
	$(BIN)/python -m pytest bench/bench_*.py -q -o python_files='bench_*.py' -o filterwarnings=ignore \
	  --benchmark-columns=median,iqr,rounds --benchmark-max-time=0.4 --benchmark-min-rounds=3

# The CPU renderers and the sweep beside other programs, on a quiet machine: an hour or two. PEERS names checkouts
# and cases: make peers PEERS="--stylegan2-ada ../stylegan2-ada-pytorch --add --case 256-b1"
peers: $(VENV)/built
	$(PIP) --no-build-isolation --editable '.[bench]'
	$(BIN)/python -m bench.peers --out bench/results $(PEERS)

# docs/performance.md, from the newest results.
performance: $(VENV)/built
	$(BIN)/python -m bench.performance

# Bulk jobs that are killed, refused and torn, at every place and a hundred random times, and on Ray clusters of two
# nodes, as root also with a host for each; make test takes a sample.
test-faults: $(VENV)/built
	$(PIP) ray
	FAIL_WITHOUT_RAY=1 $(BIN)/python -m pytest tests/augmentation -q -s -m "slow or not slow"

wheel: $(VENV)/installed
	$(BIN)/python -m pip wheel --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir dist .
	@ls -l dist

cmake: $(VENV)/installed
	cmake -S . -B build/cmake -DPython_EXECUTABLE="$$PWD/$(BIN)/python"
	cmake --build build/cmake --parallel 2
	ctest --test-dir build/cmake --output-on-failure

# Instructions of two small fixed runs, which no busy machine changes; WRITE=1 writes what was counted.
counts: $(VENV)/installed
	$(BIN)/python tests/native/counts.py $(if $(WRITE),--write)

# What the compiler knows about the CUDA kernels: spills, registers, tensor cores, clang's findings. No GPU needed.
gates: $(VENV)/built
	$(BIN)/python tests/native/gates.py
	$(BIN)/python tests/native/tidy.py

# Every mutant of every kernel's text: most of an hour on two cores. FILES=tail.cuh names some, EVERY=40 takes a sample.
mutants: $(VENV)/installed
	$(BIN)/python tests/native/mutants.py $(if $(FILES),--files $(FILES)) --every $(or $(EVERY),1)

# The reader of checkpoints: every check taken away in turn, ten minutes; a million mutated files, an hour on two cores.
reader-mutants: $(VENV)/built
	$(BIN)/python -m tests.checkpoints.mutants $(if $(EVERY),--every $(EVERY),--write tests/checkpoints/refusals.json)

fuzz: $(VENV)/built
	$(BIN)/python -m tests.checkpoints.fuzz --count $(or $(COUNT),1000000) --seed $(or $(SEED),1)

# On a machine with a GPU, under eight minutes: the first-run checklist and the numbers that decide the plan.
# STYLEGAN2_ADA=FOLDER names a checkout of stylegan2-ada-pytorch to be compared with.
gpu-check: $(VENV)/built
	FAIL_WITHOUT_CUDA=1 $(BIN)/python -m bench.gpu_check --out bench/results \
	  $(if $(STYLEGAN2_ADA),--stylegan2-ada "$(STYLEGAN2_ADA)")

# The wheel of this machine beside the CUDA build of torch: about 5 GB in CUDA_TORCH, deleted afterwards.
check-cuda-torch: $(VENV)/built
	.ci/check_cuda_torch "$(BIN)/python" "$(CUDA_TORCH)"

clean:
	rm -rf build build-* dist out steerx.egg-info steerx/_C*.so
	rm -f $(VENV)/built

$(VENV)/created:
	@command -v $(PYTHON) > /dev/null || \
	  { echo "there is no $(PYTHON); install Python 3.11 or newer, or try: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "steerx needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv python3-dev" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# torch first, from the constraints file: nothing may bring in another build of it.
$(VENV)/installed: $(VENV)/created constraints.txt pyproject.toml
	@echo "installing torch and the build tools into $(VENV) (a minute or two)"
	$(PIP) torch setuptools wheel ninja pybind11 numpy
	@touch $@

# The editable install builds steerx/_C.abi3.so in place; without a compiler it installs the Python part alone.
$(VENV)/built: $(VENV)/installed setup.py $(NATIVE_SOURCES)
	@echo "building and installing steerx"
	$(PIP) --no-build-isolation --editable '.[dev]'
	@$(BIN)/python setup.py --quiet --version > /dev/null # says so where there are no native kernels
	@touch $@
