# Storeward: `make` shows what there is. Needs Python 3.11+ and make; everything else goes into .venv.

PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
SEEDS ?= 150
PROPERTY_TIMES ?= 1
PROPERTY_SEED := $(or $(PROPERTY_SEED),$(shell $(PYTHON) -c 'import secrets; print(secrets.randbelow(2**32))'))
PYTEST_ARGS ?=
export PYTHONDONTWRITEBYTECODE =  # the many processes of a test run compile our modules once
TEST_DATABASE_URL ?= postgres:///storeward
PRODUCTION_ENV = STOREWARD_ENV=production SECRET_KEY=$$($(PY) -c "import secrets; print(secrets.token_urlsafe(60))") \
	CREDENTIAL_KEYS=$$($(PY) -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())") \
	ALLOWED_HOSTS=storeward.example BASE_URL=https://storeward.example DATABASE_URL=postgres:///storeward \
	STRIPE_SECRET_KEY=sk_live_x STRIPE_WEBHOOK_SECRETS=whsec_x EMAIL_URL=smtp://localhost:25

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo demo-check test test-postgres check contracts simulate properties bench browser pictures lock clean python

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Storeward needs Python 3.11 or newer; this is $$($(PYTHON) --version 2>&1). Set PYTHON=/path/to/python3.11."; exit 2; }

$(VENV)/.runtime: requirements.txt | python
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

setup: $(VENV)/.runtime ## Make .venv with what the product needs

setup-dev: $(VENV)/.dev ## The same with what tests and checks need

demo: setup ## Try it: portal, practice stores, sample orders, then keep serving
	$(PY) manage.py demo

demo-check: setup ## Run the main job headless, a line per step
	$(PY) manage.py demo --check

test: setup-dev ## Tests on SQLite
	$(PY) -m pytest -n 6 -m "not postgres and not browser" $(PYTEST_ARGS)

test-postgres: setup-dev ## On PostgreSQL what uses a database, with races and locks (TEST_DATABASE_URL)
	DATABASE_URL=$(TEST_DATABASE_URL) $(PY) -m pytest -n 6 -m "not browser" $(PYTEST_ARGS)

check: setup-dev ## Lint, types, import contracts, migrations, deploy and security checks
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy accounts config connectors orders
	$(VENV)/bin/lint-imports
	$(VENV)/bin/djlint --lint --quiet templates
	$(PY) -m bandit --quiet --severity-level medium --recursive --configfile pyproject.toml accounts config connectors orders
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py order_states --check
	$(PY) manage.py platforms --check
	$(PRODUCTION_ENV) $(PY) manage.py check --deploy --fail-level WARNING

contracts: setup-dev ## Hold our Shopify calls and the practice store against Shopify's published schema (needs npm)
	bash tests/contracts/fetch_shopify_schema.sh
	$(PY) -m tests.contracts.check_shopify
	$(PY) -m tests.contracts.check_practice_schema

simulate: setup-dev ## The sending protocol against seeded faults and crashes (SEEDS=150)
	$(PY) -m tests.simulation --seeds $(SEEDS)

properties: setup-dev ## Property tests on examples of their own each time (PROPERTY_SEED repeats a run, PROPERTY_TIMES=5 tries more)
	@echo "properties: PROPERTY_SEED=$(PROPERTY_SEED) PROPERTY_TIMES=$(PROPERTY_TIMES)"
	PROPERTY_TIMES=$(PROPERTY_TIMES) timeout 1800 $(PY) -m pytest -n 2 --hypothesis-seed=$(PROPERTY_SEED) \
		tests/connectors/test_cent_proof.py tests/orders/test_reexport_machine.py tests/orders/test_money.py tests/orders/test_business_time.py \
		tests/orders/services/test_shares.py tests/orders/services/test_refund_shares.py $(PYTEST_ARGS)

bench: setup-dev ## Figures as ratios against a floor measured in the same run
	$(PY) -m bench

browser: setup-dev ## The main job in headless Chromium (needs chromium)
	$(PY) -m pytest -n 2 --dist loadfile -m browser tests/browser $(PYTEST_ARGS)

pictures: setup-dev ## The pictures of docs/guides, taken by the browser tests anew
	STOREWARD_PICTURES=1 $(PY) -m pytest -m browser tests/browser $(PYTEST_ARGS)

lock: setup-dev ## Pin requirements*.in anew, with hashes
	$(PY) -m pip install --quiet uv
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" requirements.in -o requirements.txt
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" requirements-dev.in -o requirements-dev.txt

clean: ## Remove .venv and what a try-out wrote
	rm -rf $(VENV) var
