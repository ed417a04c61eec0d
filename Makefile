# The commands of README and CI. `make help` lists them.
PYTHON ?= python3
PORT ?= 8000
ARCH ?= arm64
RUNTIME ?= 3.13
MODEL ?= model
VENV := .venv/bin
COMPILE := $(VENV)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
PIP_INSTALL := -m pip install -q --disable-pip-version-check --no-compile

# The CPU build of torch for this Python. Where neither it nor a registry without CUDA is available, the
# tests that compare the converters with PyTorch are skipped. `make optimum` installs any build.
PYTHON_TAG := $(shell $(PYTHON) -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
CPU_TORCH := $(wildcard $(addsuffix /torch-2.13.0+cpu-$(PYTHON_TAG)-*.whl,$(PIP_FIND_LINKS))) \
	$(filter Darwin,$(shell uname -s))

.PHONY: help install tools optimum clients beyond browser demo package build-SearchFunction build-ReindexFunction test lint lock clean

help:            ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## / — /'

install: .venv/installed   ## make .venv with everything that the project and its tests need

.venv/installed: requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("querytower needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	test -x $(VENV)/python || $(PYTHON) -m venv .venv
	$(VENV)/python $(PIP_INSTALL) --no-deps --require-hashes -r requirements/dev.txt
	$(VENV)/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

tools: .venv-tools/installed .venv-checkov/installed   ## make .venv-tools with SAM and cfn-lint, .venv-checkov with checkov

.venv-tools/installed .venv-checkov/installed: .venv-%/installed: requirements/%.txt
	test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python $(PIP_INSTALL) --no-deps --require-hashes -r $<
	@touch $@

optimum: .venv-optimum/installed   ## make .venv-optimum with the optimum converter and torch (1.3 GB)

.venv-optimum/installed: requirements/optimum.txt
	test -x .venv-optimum/bin/python || $(PYTHON) -m venv .venv-optimum
	.venv-optimum/bin/python $(PIP_INSTALL) torch==2.13.0
	.venv-optimum/bin/python $(PIP_INSTALL) --no-deps --require-hashes -r $<
	.venv-optimum/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

clients: .venv-clients/installed   ## make .venv-clients with the clients and frameworks that tests/clients uses

.venv-clients/installed: requirements/clients.txt tests/clients/typescript/package-lock.json
	test -x .venv-clients/bin/python || $(PYTHON) -m venv .venv-clients
	.venv-clients/bin/python $(PIP_INSTALL) --no-deps --require-hashes -r $<
	.venv-clients/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	cp tests/clients/typescript/package*.json .venv-clients
	@command -v npm >/dev/null && npm ci --prefix .venv-clients --silent --no-audit --no-fund \
		|| echo "npm is not installed: the test of the TypeScript client will be skipped"
	@touch $@

beyond: .venv-beyond/installed   ## make .venv-beyond with the engines that tests/beyond uses

.venv-beyond/installed: requirements/beyond.txt
	test -x .venv-beyond/bin/python || $(PYTHON) -m venv .venv-beyond
	.venv-beyond/bin/python $(PIP_INSTALL) --no-deps --require-hashes -r $<
	.venv-beyond/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

browser: install   ## install Chromium for the tests of the search page (needs Debian's packages and root)
	@command -v chromium >/dev/null || { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
		&& apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
		|| echo "Chromium is not installed: the tests of the search page will be skipped"

demo: install    ## convert the model, index the sample corpus, serve it on port 8000 (or PORT=…)
	$(VENV)/querytower demo --port $(PORT)

package: install   ## build the zip for Lambda from the model in model/ (ARCH=x86_64, RUNTIME=3.12, MODEL=…)
	$(VENV)/querytower package --arch $(ARCH) --python $(RUNTIME) --model $(MODEL)

# `sam build` calls these. It does not pass the architecture on: for x86_64, set ARCH=x86_64 in the shell.
# They stop if there is no model in MODEL, or if QUERYTOWER_STORE names an index that another model built.
build-SearchFunction build-ReindexFunction: install
	$(VENV)/querytower package --no-zip --arch $(ARCH) --python $(RUNTIME) --model $(MODEL) --out build/$@
	cp -R build/$@/querytower-$(ARCH)-$(RUNTIME)/. "$(ARTIFACTS_DIR)"

test: install tools browser clients beyond $(if $(strip $(CPU_TORCH)),optimum)   ## run all tests
	$(VENV)/python -m pytest -q -n auto
	.venv-clients/bin/python -m pytest -q -o asyncio_mode=auto -o asyncio_default_fixture_loop_scope=function tests/clients
	.venv-beyond/bin/python -m pytest -q tests/beyond
	$(if $(strip $(CPU_TORCH)),.venv-optimum/bin/python -m pytest -q tests/export/test_converters.py tests/export/test_sentencepiece.py)

lint: install   ## style and types
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy

lock: install   ## write requirements/ again from pyproject.toml
	$(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) pyproject.toml --extra export --extra excel --extra files --extra parquet --extra zstd --group dev -c requirements/runtime.txt -o requirements/dev.txt
	$(COMPILE) --group tools -o requirements/tools.txt
	$(COMPILE) pyproject.toml --extra export --group clients -c requirements/runtime.txt -o requirements/clients.txt
	$(COMPILE) pyproject.toml --extra export --extra lance --extra ray --group beyond -c requirements/runtime.txt -o requirements/beyond.txt
	$(COMPILE) --group checkov -o requirements/checkov.txt
	$(COMPILE) pyproject.toml --extra optimum --group optimum-tests --override requirements/torch-apart.in -o requirements/optimum.txt

clean:           ## remove build results, but not the environments
	rm -rf build var .aws-sam .mypy_cache .pytest_cache .ruff_cache
