# Needs make and one of Python 3.10 to 3.13. Everything else is installed into .venv, at pinned versions.

AIRFLOW_3 := 3.3.2
AIRFLOW_2 := 2.11.2
# The Python versions each line of Airflow runs on, the preferred one first.
PYTHONS_3 := 3.12 3.13 3.11 3.10
PYTHONS_2 := 3.10 3.11 3.12

VENV_3 := .venv/airflow-$(AIRFLOW_3)
VENV_2 := .venv/airflow-$(AIRFLOW_2)
PYTHON_3 := $(VENV_3)/bin/python
PYTHON_2 := $(VENV_2)/bin/python
# Azure's storage emulator, for the tests.
AZURITE := .venv/azurite
# What builds and checks what would be published.
DIST := .venv/dist
UV := .venv/uv/bin/uv
UV_VERSION := 0.13.9

# Selenium, for the connection forms in a browser.
BROWSER := .venv/browser
# MkDocs, for the documentation as a site.
DOCS := .venv/docs

# More arguments for pytest and for the demo: make test-airflow-3 PYTEST_ARGS="-x -k satispay"
PYTEST_ARGS ?=
# Whatever is run whole is shared by four processes, for two cores: many tests wait for a while. (A selection is not,
# for --pdb needs one.)
WHOLE := --numprocesses=4 --dist=worksteal --durations=30
DEMO_ARGS ?=
BENCH_ARGS ?=

# Where it is set, and no bytecode is kept, each of the many processes of the tests compiles half of Airflow anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo demo-ui
demo: $(VENV_3)/.ready ## Load payments of every API, from a local sandbox, into ./output, with a page about them
	@AIRFLOW_HOME="$(CURDIR)/.airflow/demo" $(PYTHON_3) scripts/demo.py $(DEMO_ARGS)

demo-ui: $(VENV_3)/.ready ## The same sandbox behind a real Airflow UI on this machine, until Ctrl-C
	@AIRFLOW_HOME="$(CURDIR)/.airflow/demo-ui" $(PYTHON_3) scripts/demo.py --ui $(DEMO_ARGS)

# A missing interpreter is said at once, not after minutes of tests; what one line's tests found is said once more at the
# very end, in less than 50 lines, for the output before it is long.
.PHONY: test test-all test-airflow-3 test-airflow-2
test: checks ## Everything that CI runs: lint, types, the tests on both lines of Airflow
	+@$(call both_lines,)

test-all: checks ## The same with every case of every test, and branch coverage; takes long
	+@$(call both_lines,all-)

# Lint and types need one environment: they go on while the others are made.
.PHONY: checks
checks:
	@$(MAKE) --no-print-directory -j3 environments lint types $(VENV_3)/.compiled $(VENV_2)/.compiled

both_lines = rm -rf build/tests && mkdir -p build/tests && \
	$(MAKE) --no-print-directory --keep-going build/tests/$(1)airflow-3 build/tests/$(1)airflow-2 || { \
	set -- build/tests/*.failed; \
	for log; do printf '\n===== The end of %s =====\n' "$$log"; tail -n $$((40 / $$\#)) "$$log"; done; exit 1; }

# tee would hide how the tests ended.
build/tests/%:
	@{ COLUMNS=160 $(MAKE) --no-print-directory test-$* 2>&1 || touch $@.bad; } | tee $@.failed; \
		test ! -e $@.bad && mv $@.failed $@.log

# uv leaves bytecode to the first import. One process makes what the tests import, not four at the same moment, each all
# of it.
%/.compiled: %/.ready
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && trap 'exit 130' INT TERM && \
		AIRFLOW_HOME="$$home" $*/bin/python -m pytest --collect-only -qq >"$$home/log" || tail "$$home/log"
	@touch $@

# Each run of the tests gets an AIRFLOW_HOME of its own, so two can go on at the same time.
run_pytest = home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && trap 'exit 130' INT TERM && \
	AIRFLOW_HOME="$$home" COVERAGE_FILE="$$home/coverage"

test-airflow-3: $(VENV_3)/.ready $(AZURITE)/.ready ## The tests on Airflow 3
	@echo "The tests on Airflow $(AIRFLOW_3)"
	@$(run_pytest) $(PYTHON_3) -m pytest $(or $(PYTEST_ARGS),$(WHOLE))

test-airflow-2: $(VENV_2)/.ready $(AZURITE)/.ready ## The tests on Airflow 2, less what knows nothing of Airflow
	@echo "The tests on Airflow $(AIRFLOW_2)"
	@$(run_pytest) $(PYTHON_2) -m pytest $(or $(PYTEST_ARGS),$(WHOLE))

.PHONY: test-all-airflow-3 test-all-airflow-2
test-all-airflow-3: $(VENV_3)/.ready $(AZURITE)/.ready
	@echo "Every test on Airflow $(AIRFLOW_3), with branch coverage"
	@$(run_pytest) $(PYTHON_3) -m pytest --all --cov --cov-report=term $(WHOLE)

test-all-airflow-2: $(VENV_2)/.ready $(AZURITE)/.ready
	@echo "Every test on Airflow $(AIRFLOW_2)"
	@$(run_pytest) $(PYTHON_2) -m pytest --all $(WHOLE)

.PHONY: test-forms screenshots
FORMS_ARGS ?=
test-forms: $(BROWSER)/.ready $(VENV_3)/.ready $(VENV_2)/.ready ## Every connection form in a browser; needs Chromium
	@$(BROWSER)/bin/python scripts/test_forms.py $(PYTHON_3) $(PYTHON_2) $(FORMS_ARGS)

screenshots: $(BROWSER)/.ready $(VENV_3)/.ready $(VENV_2)/.ready ## Pictures of the connection forms, for the documentation
	@$(BROWSER)/bin/python scripts/screenshots.py $(PYTHON_3) $(PYTHON_2)

.PHONY: docs docs-serve
docs docs-serve: export NO_MKDOCS_2_WARNING = 1  # of what comes after MkDocs 1
docs: $(DOCS)/.ready ## The documentation as a site, in build/site; what is not right in it is an error
	$(DOCS)/bin/mkdocs build --strict

docs-serve: $(DOCS)/.ready ## The same on http://127.0.0.1:8000, until Ctrl-C
	$(DOCS)/bin/mkdocs serve --strict

.PHONY: bench
bench: $(VENV_3)/.ready ## Speed and memory beside other ways; on a machine that does nothing else
	@$(PYTHON_3) benchmarks/listing.py $(BENCH_ARGS)
	@$(PYTHON_3) benchmarks/startup.py
	@$(PYTHON_3) benchmarks/formats.py

.PHONY: mutations
GUARDS ?=
mutations: $(VENV_3)/.ready $(AZURITE)/.ready ## Break each guard on purpose: does a test notice?
	@$(PYTHON_3) scripts/break_guards.py $(GUARDS)

# One of each minor version, with Python 3.12; the oldest of everything, and the newest Python. Others have no constraints
# here.
VERSIONS ?= 2.11.0 3.0.6 3.1.8 3.2.2 3.3.2 2.11.0=3.10 3.3.2=3.13
.PHONY: test-versions
test-versions: ## Try the built wheel on every minor version of Airflow: make test-versions VERSIONS="3.0.6 3.3.2=3.13"
	@scripts/test_versions.sh $(VERSIONS)

.PHONY: dist
dist: $(DIST)/.ready $(UV) ## Build wheel and sdist, check them, and try the wheel in clean environments
	@$(DIST)/bin/python scripts/dist.py --uv $(UV) $(AIRFLOW_3)=3.12 $(AIRFLOW_2)=3.10

.PHONY: lint types format
lint: $(VENV_3)/.ready ## ruff: rules and layout
	$(PYTHON_3) -m ruff check
	$(PYTHON_3) -m ruff format --check

types: $(VENV_3)/.ready ## mypy --strict on the package
	$(PYTHON_3) -m mypy

format: $(VENV_3)/.ready ## Rewrite the code in ruff's layout and apply its safe fixes
	$(PYTHON_3) -m ruff check --fix
	$(PYTHON_3) -m ruff format

.PHONY: environments constraints clean
environments: $(VENV_3)/.ready $(VENV_2)/.ready $(AZURITE)/.ready ## Only make what is in .venv

constraints: $(UV) ## Pin newer versions in constraints/ (needs no Airflow)
	scripts/compile_constraints.sh $<

# uv installs in seconds what takes pip minutes. Where it cannot be had, the environments are made by pip.
$(UV):
	-@python=$$(scripts/find_python.sh "$(PYTHONS_3)") && "$$python" -m venv .venv/uv && \
		.venv/uv/bin/python -m pip install --quiet --quiet --disable-pip-version-check uv==$(UV_VERSION)

clean: ## Remove environments, caches and output
	rm -rf .venv .airflow .mypy_cache .pytest_cache .ruff_cache .coverage htmlcov build dist output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment that was copied here with the directory, or whose interpreter is gone, does not count.
ready = $(shell test -x $1/bin/python && cut -d ' ' -f 1 $1/.ready 2>/dev/null)
ifneq ($(call ready,$(VENV_3)),$(CURDIR))
.PHONY: $(VENV_3)/.ready
endif
ifneq ($(call ready,$(VENV_2)),$(CURDIR))
.PHONY: $(VENV_2)/.ready
endif

$(VENV_3)/.ready: pyproject.toml scripts/make_environment.sh $(wildcard constraints/airflow-$(AIRFLOW_3)-*.txt) | $(UV)
	@scripts/make_environment.sh $(AIRFLOW_3) "$(PYTHONS_3)" $(UV)

$(VENV_2)/.ready: pyproject.toml scripts/make_environment.sh $(wildcard constraints/airflow-$(AIRFLOW_2)-*.txt) | $(UV)
	@scripts/make_environment.sh $(AIRFLOW_2) "$(PYTHONS_2)" $(UV)

$(AZURITE)/.ready: scripts/make_azurite.sh
	@scripts/make_azurite.sh "$(PYTHONS_3)"

$(DIST)/.ready: constraints/dist.txt
	@python=$$(scripts/find_python.sh "$(PYTHONS_3)") && rm -rf $(DIST) && "$$python" -m venv $(DIST)
	@$(DIST)/bin/python -m pip --quiet --quiet --disable-pip-version-check install --constraint $< build hatchling twine
	@touch $@

$(BROWSER)/.ready: scripts/make_browser.sh constraints/browser.txt
	@scripts/make_browser.sh "$(PYTHONS_3)"

$(DOCS)/.ready: scripts/make_docs.sh constraints/docs.txt
	@scripts/make_docs.sh "$(PYTHONS_3)"
