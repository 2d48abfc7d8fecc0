# Needs make, Python 3.11 or newer and a package index; what is not there of the rest is said, not assumed.
# Under CI=true nothing is left out: a missing tool is a failure.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
READY := .venv/.ready
TOOLS := .cache/bin
CHART := helm/personalize-worker
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# The image that the chart asks for.
IMAGE ?= personalize-worker:$(VERSION)
# The first that is there builds the image.
CONTAINER_BUILDER ?= $(firstword $(foreach tool,docker podman buildah,$(if $(shell command -v $(tool)),$(tool))))

# Of `make chaos`.
MINUTES ?= 15
SEED ?= 1
PROTOCOL ?= classic

# renovate: go helm.sh/helm/v3
HELM_VERSION := v3.22.0
# renovate: go github.com/yannh/kubeconform
KUBECONFORM_VERSION := v0.8.0
# renovate: go github.com/norwoodj/helm-docs
HELM_DOCS_VERSION := v1.14.2
# renovate: go github.com/rhysd/actionlint
ACTIONLINT_VERSION := v1.7.12
KUBERNETES_VERSION := 1.33.0

# Tests start hundreds of processes. Where nothing compiled may be kept, each compiles all that it imports: half of
# the CPU of a test run.
unexport PYTHONDONTWRITEBYTECODE

export PATH := $(CURDIR)/$(TOOLS):$(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY) ## Make .venv from uv.lock; the command is then .venv/bin/personalize-worker
	@echo "Ready: $(BIN)/personalize-worker"

$(READY): pyproject.toml uv.lock tools/uv.txt tools/bootstrap.sh
	@tools/bootstrap.sh
	@touch $@

.PHONY: demo
demo: $(READY) ## Watch it work: an embedded Kafka, a local PutEvents, 20,000 records, a crash
	@$(BIN)/personalize-worker demo

.PHONY: demo-kinesis
demo-kinesis: $(READY) ## The same from a stand-in for Kinesis, with a split and a merge
	@$(BIN)/personalize-worker demo --kinesis

# Many tests wait, so there are more of them at once than cores. With a real Kafka fewer: brokers take the cores
# themselves, and what librdkafka does then has its own times.
TESTS_AT_ONCE ?= 4
KAFKA_TESTS_AT_ONCE ?= 2
# Those of make test-unit compute, so a process a core is best.
UNIT_TESTS_AT_ONCE ?= 2
# A process that crashes ends the run: xdist would start another one and then give it nothing to do, for ever.
SIDE_BY_SIDE := --max-worker-restart=0

.PHONY: test
test: $(READY) ## All tests; what was skipped is listed with its reason (CI=true: more of each kind)
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -n $(TESTS_AT_ONCE) -m "not kafka"
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -n $(KAFKA_TESTS_AT_ONCE) -m kafka

.PHONY: test-unit
test-unit: $(READY) ## What needs no broker and no other process
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -n $(UNIT_TESTS_AT_ONCE) -m "not slow" tests/unit

# Half an hour's outage takes that long.
LONG := -o faulthandler_timeout=3600
.PHONY: test-long
test-long: $(READY) ## Tests that have a larger sample, with that
	@WORKER_TEST_LONG=1 $(BIN)/python -m pytest $(LONG) $(SIDE_BY_SIDE) -n $(TESTS_AT_ONCE) -m "long and not kafka"
	@WORKER_TEST_LONG=1 $(BIN)/python -m pytest $(LONG) -m "long and kafka"

# From the oldest that runs without ZooKeeper in production to the newest; docs/brokers.md has what came out.
KAFKA_VERSIONS ?= 3.3.2 3.9.1 4.0.0 4.3.0
.PHONY: brokers
brokers: $(READY) ## Tests on real brokers of other versions: KAFKA_VERSIONS="3.3.2 4.3.0"
	@for version in $(KAFKA_VERSIONS); do \
	    echo "=== Apache Kafka $$version"; \
	    CI=true WORKER_TEST_KAFKA_VERSION=$$version $(BIN)/python -m pytest -m kafka tests/integration/test_delivery.py \
	        tests/integration/test_check.py tests/integration/test_commits.py tests/integration/test_dead_letters.py \
	        tests/integration/test_pauses.py tests/integration/test_replay.py tests/integration/test_broker_away.py \
	        || exit 1; \
	done

SEEDS ?= 2000
FIRST ?= 0
.PHONY: simulate
simulate: $(READY) ## The worker under seeded schedules of faults (SEEDS=2000 FIRST=0)
	@$(BIN)/python -m tests.simulation --first $(FIRST) --seeds $(SEEDS)
	@$(BIN)/python -m tests.simulation.kinesis --first $(FIRST) --seeds $$(( ($(SEEDS) + 9) / 10 ))

.PHONY: suggest-table
suggest-table: $(READY) ## How much of each preset `try --suggest` finds by itself, in the preset's samples
	@$(BIN)/python -m tests.unit.suggest.agreement

.PHONY: format
format: $(READY) ## Format the code, and fix what ruff can fix by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: check
check: $(READY) ## Lint, format, types, import contracts, advisories, Dockerfile, chart
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	tools/audit --if-reachable
	tools/if-there hadolint "make setup, on x86-64 or arm64" -- hadolint --no-color Dockerfile
	tools/if-there helm "make chart-tools" -- helm lint --strict --kube-version $(KUBERNETES_VERSION) $(CHART)

.PHONY: audit
audit: $(READY) ## Ask a database of advisories about every locked package; AUDIT_URL names another one
	@tools/audit

.PHONY: bench
bench: $(READY) ## Measure: CPU a call, records a second, memory, beside a straightforward consumer
	@$(BIN)/python -m benchmarks

.PHONY: chaos
chaos: $(READY) ## Three brokers, three workers, faults by a seeded plan: MINUTES=15 SEED=1 PROTOCOL=classic|consumer
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES) --seed $(SEED) --protocol $(PROTOCOL) --table docs/chaos.md

DOCS := .cache/docs
# An environment of its own, since the site's tools are larger than the worker with all of its. The epoch keeps the
# time of the build out of the pages, and NO_MKDOCS_2_WARNING a notice out of the output.
.PHONY: docs
docs: $(DOCS)/.ready ## Build the site of docs/ into build/site; a warning is an error, so is a link that leads nowhere
	@SOURCE_DATE_EPOCH=0 NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict
	@echo "Ready: build/site/index.html"

$(DOCS)/.ready: uv.lock | $(READY)
	@UV_PROJECT_ENVIRONMENT=$(DOCS) UV_PYTHON=$(BIN)/python UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 \
	    $(BIN)/uv sync --locked --quiet --only-group docs
	@touch $@

.PHONY: workflows
workflows: $(READY) $(TOOLS)/actionlint ## Check the workflows of GitHub: their language and each action's inputs (needs Go)
	$(TOOLS)/actionlint

$(TOOLS)/actionlint:
	GOBIN=$(CURDIR)/$(TOOLS) go install -trimpath -ldflags='-s -w' github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)

.PHONY: wheel
wheel: $(READY) ## Build wheel and source into dist/
	@rm -rf dist
	@UV_SYSTEM_CERTS=1 $(BIN)/uv build --quiet --out-dir dist

.PHONY: sbom
sbom: $(READY) ## Write what the image installs, from uv.lock, as CycloneDX: build/sbom.cdx.json
	@$(BIN)/python tools/sbom.py build/sbom.cdx.json

.PHONY: image-parts
image-parts: $(READY) ## Measure what the image adds to its base, part by part: docs/image.md
	@rm -rf build/image
	@$(BIN)/python tools/image_parts.py build/image > docs/image.md

.PHONY: image
image: ## Build the container image (IMAGE=name:tag), with docker, podman or buildah
	@if [ -z "$(CONTAINER_BUILDER)" ]; then echo "image: needs docker, podman or buildah" >&2; exit 1; fi
	$(CONTAINER_BUILDER) build --tag $(IMAGE) .

.PHONY: chart
chart: $(READY) ## Test the chart: lint, strict schemas, configuration
	@$(BIN)/python -m pytest tests/chart

.PHONY: chart-on-a-cluster
chart-on-a-cluster: $(READY) chart-tools .cache/control-plane/.ready ## Install, upgrade, roll back, remove the chart on a real API server
	@WORKER_TEST_LONG=1 $(BIN)/python -m pytest tests/chart/test_on_a_cluster.py

# Six minutes on two cores, once.
.cache/control-plane/.ready: tools/build_kubernetes.sh Makefile
	tools/build_kubernetes.sh $(KUBERNETES_VERSION) .cache/control-plane
	@touch $@

.PHONY: chart-schema
chart-schema: $(READY) ## Write the chart's values.schema.json, after a change of the worker's settings
	@PYTHONPATH=. $(BIN)/python tools/chart/schema.py
	@$(BIN)/python -m tests.chart.refusals > docs/chart-refusals.md

.PHONY: chart-docs
chart-docs: $(TOOLS)/helm-docs ## Write the chart's README.md from values.yaml (needs Go, once)
	$(TOOLS)/helm-docs --chart-search-root $(CHART) --log-level warning
.PHONY: alerts
alerts: $(READY) ## Test alerts, runbooks and dashboard, with a real Prometheus
	@$(BIN)/python -m pytest -n 2 tests/alerts

.PHONY: browser-tools
browser-tools: .cache/browser/.ready ## Bring axe-core, which judges the status page in the browser (needs npm)

.cache/browser/.ready: tests/browser/package.json tests/browser/package-lock.json
	@mkdir -p .cache/browser
	cp tests/browser/package.json tests/browser/package-lock.json .cache/browser/
	cd .cache/browser && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: chart-tools
chart-tools: $(TOOLS)/helm $(TOOLS)/kubeconform .cache/schemas/.ready ## Bring helm, kubeconform and schemas (needs Go)

# Without it, helm takes itself for one of Kubernetes 1.20, and charts for newer ones are not rendered.
HELM_KUBERNETES := $(foreach room,chartutil lint/rules,-X helm.sh/helm/v3/pkg/$(room).k8sVersionMinor=33)

$(TOOLS)/helm:
	GOBIN=$(CURDIR)/$(TOOLS) go install -trimpath -ldflags='-s -w $(HELM_KUBERNETES)' helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)

$(TOOLS)/kubeconform:
	GOBIN=$(CURDIR)/$(TOOLS) go install -trimpath github.com/yannh/kubeconform/cmd/kubeconform@$(KUBECONFORM_VERSION)

$(TOOLS)/helm-docs:
	GOBIN=$(CURDIR)/$(TOOLS) go install -trimpath github.com/norwoodj/helm-docs/cmd/helm-docs@$(HELM_DOCS_VERSION)

.cache/schemas/.ready: tools/kubernetes_schemas.py Makefile | $(READY)
	$(BIN)/python tools/kubernetes_schemas.py $(KUBERNETES_VERSION) .cache/schemas
	@touch $@
