# Everything here works from a fresh clone with make, Python 3.11 or newer and, for system packages, apt.
PYTHON := .venv/bin/python
# Hundreds of processes start during the tests; each would compile all that it loads.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-long check fmt bench clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

run: ## Install what is missing and start everything on http://127.0.0.1:8000
	@bash .ci/install run
	@exec .venv/bin/bandoso up

test: ## Install what tests need; run checks and all tests with a database of their own
	@bash .ci/install test
	@$(MAKE) --no-print-directory --jobs=2 --output-sync checks web-checks
	@$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-long: ## Run the long tests too: load, faults, soak
	@bash .ci/install test
	@$(PYTHON) -m pytest -m long

check: ## Lint, formatting, types and layers, without tests
	@bash .ci/install check
	@$(MAKE) --no-print-directory checks

.PHONY: checks
checks:
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

.PHONY: web-checks
web-checks:
	@if [ -f service/web/package-lock.json ]; then bash .ci/npm run --silent typecheck && bash .ci/npm test --silent; fi

.PHONY: web
web: ## Build the web part
	@bash .ci/install run
	@bash .ci/npm run build

fmt: ## Format the code and mend what the linter can
	@bash .ci/install check
	@.venv/bin/ruff check --fix-only .
	@.venv/bin/ruff format .

bench: ## Measure speed; writes nothing outside the tree
	@bash .ci/install bench
	@$(PYTHON) -m tests.benchmarks

clean: ## Remove what was installed and built, but never var/ (the data)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache service/web/node_modules service/web/dist
