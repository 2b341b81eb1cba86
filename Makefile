# Everything here starts from a bare machine: make and python3 (3.11 or newer) are enough.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TIER   ?=
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-compose test-upgrade test-cluster up down check bench profile chaos soak openapi javascript kubernetes dashboards docs test-docs pictures diagrams sbom lock install clean

help: ## this overview
	@$(PYTHON) tools/helptext.py $(MAKEFILE_LIST)

demo: install ## send a real batch of notifications through everything, and look at it | CI=1 ends by itself
	@$(BIN)/hermodr demo $(if $(CI),--ci) $(ARGS)

test: install ## the whole suite against real PostgreSQL and RabbitMQ | TIER=unit|contracts|integration|dates|e2e|chaos ARGS="-k word"
	@$(BIN)/python tools/test.py $(TIER) $(ARGS)

up: install ## all services in the foreground, until Ctrl-C
	@$(BIN)/hermodr up $(ARGS)

down: ## stop what was started, leave nothing behind | KEEP=1 keeps the data
	@if [ -x $(BIN)/hermodr ]; then $(BIN)/hermodr down $(if $(KEEP),--keep); else echo "nothing is installed here, so nothing runs"; fi

check: install ## formatting, lint, types, import rules, dependencies, lock freshness
	@$(BIN)/python tools/check.py $(ARGS)

bench: install ## measure against peers in the same run | QUICK=1 PEERS=none ONLY=bulk ROUNDS=3 JSON=file DOC=1
	@$(if $(QUICK),QUICK=1) $(if $(DOC),DOC=1) PEERS="$(PEERS)" ONLY="$(ONLY)" ROUNDS="$(ROUNDS)" JSON="$(JSON)" $(BIN)/python -m tests.benchmarks

profile: install ## where a role spends its time during a bulk run: hottest functions, a flame graph | ROLE=email-sender QUICK=1
	@$(if $(QUICK),QUICK=1) ROLE="$(ROLE)" $(BIN)/python -m tests.benchmarks.profile

chaos: install ## everything broken at random, and a judge of what became of mails, tasks and inboxes | MINUTES=5 SEED=7 JSON=file ARGS="--only kill freeze --shrink"
	@$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),5) $(if $(SEED),--seed $(SEED)) $(if $(JSON),--json $(JSON)) $(ARGS)

soak: install ## an hour of load, kills and restarts: does anything grow that should stay flat? | MINUTES=60 RATE=200 JSON=file
	@$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),60) $(if $(RATE),--rate $(RATE)) $(if $(JSON),--json $(JSON)) $(ARGS)

lock: install ## refresh both locks to the newest releases | PACKAGE=name: that one alone
	@$(BIN)/python tools/lock.py upgrade $(PACKAGE)

openapi: install ## write down docs/openapi.json, docs/asyncapi.json, docs/reference/commands.md, deploy/rabbitmq and the types of clients/js, after a change on purpose
	@$(BIN)/python tools/openapi.py
	@$(BIN)/python tools/asyncapi.py
	@$(BIN)/python tools/definitions.py
	@$(BIN)/python tools/commands.py
	@$(BIN)/python tools/javascript.py

javascript: install ## write down what is made from the sources of clients/js: the inbox for pages, and types (Node and npm needed)
	@$(BIN)/python tools/widget.py
	@$(BIN)/python tools/javascript.py

docs: install ## the documentation as a site: site/index.html | SERVE=1 shows it while you write
	@$(BIN)/python tools/docs.py $(if $(SERVE),serve)

test-docs: install ## do what the pages of the documentation say, block by block, on services of its own: 10 min | ARGS="-k tutorial"
	@$(BIN)/python -m pytest tests/documents $(ARGS)

pictures: install ## take the documentation's pictures of pages anew, in a real browser | ARGS="-k overview"
	@PICTURES=1 $(BIN)/python -m pytest tests/e2e/faces $(ARGS)

diagrams: install ## draw the documentation's diagrams, after a change of one; by mermaid, so it needs npm
	@$(BIN)/python tools/diagrams.py

sbom: install ## what an installation runs, as CycloneDX: hermodr.cdx.json (each image has its own in /usr/share/hermodr)
	@$(BIN)/cyclonedx-py requirements --output-reproducible --output-format JSON --output-file hermodr.cdx.json requirements.lock

test-compose: install ## images built, started, scaled, killed, upgraded and taken down, by Docker
	@$(BIN)/python -m pytest tests/compose $(ARGS)

test-upgrade: install ## from the code before the newest migration to today's, under load, and back; needs git's history
	@$(BIN)/python -m pytest tests/upgrade $(ARGS)

test-cluster: install ## three nodes of RabbitMQ under load: the leader killed, a minority cut off; 2 min
	@$(BIN)/python -m pytest tests/cluster $(ARGS)

kubernetes: install ## write down deploy/kubernetes, after a change of its chart on purpose
	@$(BIN)/python tools/kubernetes.py

dashboards: install ## write down deploy/grafana/dashboards, after a change of them in tools/grafana
	@$(BIN)/python tools/dashboards.py

install: ## the virtual environment, from the two locks (every command does this by itself)
	@$(PYTHON) tools/bootstrap.py

clean: ## stop everything and remove the virtual environment, caches and state
	@if [ -x $(BIN)/hermodr ]; then $(BIN)/hermodr down; fi
	@rm -rf $(VENV) .hermodr site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
