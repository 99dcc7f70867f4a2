# make help says what there is. Needs Python 3.11 or newer, make and git; everything else goes into .venv.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
WORKERS ?= 2
ARGS ?=
INPUTS ?= 20000
SEED ?= $(shell date +%s)

BENCH ?= ../shared/bench
PG ?= root@127.0.0.1:5432
SCALES ?= 1m 1k
PEERS ?= floor fab_fast django_best

.PHONY: help run test fuzz lint bench bench-catalog bench-filters lock messages pictures translations clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/runtime translations ## serve the portal on http://127.0.0.1:8080 (PORT=... for another)
	@$(BIN)/python run.py

test: .venv/development translations ## all tests, on each database that answers (ARGS="-k name" for some)
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal $(ARGS)

fuzz: .venv/development translations ## 20,000 inputs that nobody thought of, none of them a fault (INPUTS=... SEED=...)
	@SWITCHBOARD_TEST_FUZZ=$(INPUTS) SWITCHBOARD_TEST_SEED=$(SEED) \
		$(BIN)/python -m pytest -q -rP -n $(WORKERS) tests/generic/test_fuzz.py $(ARGS)

lint: .venv/development translations ## ruff, mypy, the import layers, the catalogues
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@told=$$(PYTHONPATH=. $(BIN)/lint-imports --no-cache 2>&1) && echo "$$told" | tail -1 || { echo "$$told"; exit 1; }
	@for po in app/translations/*/LC_MESSAGES/*.po; do test ! -e $$po || \
		$(BIN)/pybabel -q compile -i $$po -o /dev/null || exit 1; done

bench: .venv/development translations ## speed beside other portals: BENCH=folder of the kit, PG=user@host:port (docs/performance.md)
	@$(BIN)/python bench/run.py --kit "$(BENCH)" --pg "$(PG)" --scales "$(SCALES)" --peers "$(PEERS)" $(ARGS)

bench-catalog: .venv/development translations ## prices explained and checks over 10,000 offerings (PG=user@host:port)
	@$(BIN)/python bench/catalog.py --pg "$(PG)" $(ARGS)

bench-filters: .venv/development translations ## every filter and order of the long lists, where bench has filled (PG=user@host:port)
	@$(BIN)/python bench/filters.py --pg "$(PG)" $(ARGS)

lock: .venv/development ## pin the newest allowed versions in requirements*.txt
	$(BIN)/python -m pip install -q uv
	for set in requirements requirements-dev; do $(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header $$set.in -o $$set.txt || exit 1; done

messages: .venv/development ## bring the Chinese catalogue in line with the texts of the tree; then translate what is new
	@$(BIN)/pybabel -q extract -F pyproject.toml -k _ -k lazy_gettext --no-location --sort-output \
		-o .venv/messages.pot app
	@$(BIN)/pybabel -q update -i .venv/messages.pot -d app/translations -l zh --no-fuzzy-matching --ignore-obsolete \
		--ignore-pot-creation-date

pictures: .venv/development translations ## take the pictures of docs/images again (ARGS="--only ticket" for some)
	@PYTHONPATH=. $(BIN)/python docs/pictures.py $(ARGS)

# Chinese and English: what is written in app/translations becomes what the portal reads.
translations: $(patsubst %.po,%.mo,$(wildcard app/translations/*/LC_MESSAGES/*.po))

%.mo: %.po
	@$(BIN)/pybabel -q compile -i $< -o $@

clean: ## remove .venv and caches; the database in instance/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache

.venv/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; say where: make run PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python lacks its venv module: on Debian, apt install python3-venv"; exit 1; }
	@touch $@

.venv/runtime: .venv/python requirements.txt
	@echo "Installing what the portal needs ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/development: .venv/python requirements-dev.txt
	@echo "Installing what the portal and its tests need ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
