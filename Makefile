# Everything that is done to Authly's source is a target here, and CI calls the
# same ones. Only Go is needed beforehand: see scripts/services for the rest.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

GO       ?= go
FUZZTIME ?= 60s
# For one test binary; the whole of "make test" is meant to stay far below.
TIMEOUT  ?= 20m
SERVICES := scripts/with-services
# The race detector is the only thing that needs cgo. It watches Authly and the
# libraries, but not SQLite itself, which is C translated to Go, nor the hashing of
# passwords: looking at each of their reads of memory would double the time.
UNWATCHED := modernc.org/sqlite/lib modernc.org/libc golang.org/x/crypto/argon2
# "make lint" vets the tests, so that no run does it again.
RACE     := CGO_ENABLED=1 $(GO) test -vet=off -race $(UNWATCHED:%=-gcflags=%=-race=false) -timeout $(TIMEOUT)
PLAIN    := CGO_ENABLED=0 $(GO) test -vet=off -count=1 -timeout $(TIMEOUT)

# The packages of the server run on both engines under the race detector, and so do the
# scenarios of the whole server on PostgreSQL, where requests really run beside each
# other. What comes to the same server through a browser, a terminal, another maker's
# client or the conformance kit reaches no code that these don't: it runs without the
# detector, which makes it three to five times as slow, and so do commands, which do one
# thing after the other. "make test-race" has it everywhere.
COMMANDS   := ./cmd/... ./internal/cli ./internal/cli/declarative
OUTSIDE    := $(COMMANDS) ./test/conformance/... ./test/e2e ./test/interop ./test/load
IN_PROCESS := . ./test/crash $$($(GO) list ./internal/... | grep -vx -e authly/internal/cli -e authly/internal/cli/declarative)

# What can be overtaken is looked at without the race detector, which would make it
# five times as slow; see test/http/meanwhile_test.go.
MEANWHILE := CGO_ENABLED=0 $(GO) test -vet=off -count=1 -timeout 1h -run ^TestWhatIsEndedMeanwhile ./test/http

.PHONY: help build test test-fast test-race race meanwhile fuzz e2e seed admin-load lint format tools gen verify openid-op clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the static binary bin/authly
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/authly ./cmd/authly

test: ## Run everything: both engines, a browser, the race detector, each fuzz target for 5 s
	TEST_ENGINES=sqlite,postgres $(SERVICES) $(SHELL) -uc 'failed=0; \
		env $(RACE) -count=1 $(IN_PROCESS) || failed=1; \
		TEST_ENGINES=postgres env $(RACE) -count=1 ./test/http || failed=1; \
		env $(PLAIN) $(OUTSIDE) || failed=1; \
		TEST_ENGINES=sqlite env $(PLAIN) ./test/http || failed=1; \
		TEST_ENGINES=postgres env $(MEANWHILE) || failed=1; \
		exit $$failed'
	scripts/fuzz 5s

test-race: ## Run everything under the race detector on both engines (long)
	TEST_ENGINES=sqlite,postgres $(SERVICES) env $(RACE:$(TIMEOUT)=1h) -count=1 ./...

test-fast: ## Run the tests on SQLite only, without a browser and the race detector
	TEST_ENGINES=sqlite CGO_ENABLED=0 $(GO) test -vet=off ./internal/... ./cmd/... .

race: ## Run the tests of races a hundred times
	$(SERVICES) env $(RACE:$(TIMEOUT)=2h) -run 'Race|AtOnce|Concurrent|Parallel|Nodes|Shared' -count=100 ./...

meanwhile: ## End things before every statement of what is under way
	TEST_POINTS=all $(SERVICES) env $(MEANWHILE)

fuzz: ## Fuzz every parser for FUZZTIME each (60s)
	scripts/fuzz $(FUZZTIME)

e2e: ## Run the tests in a real browser and with other makers' clients
	$(SERVICES) env $(RACE) -count=1 -v ./test/...

seed: ## Fill a database with 100,000 users and 10,000 clients (ARGS="-sqlite FILE", or AUTHLY_DATABASE_URL)
	$(GO) run ./test/load/seed $(ARGS)

admin-load: ## Measure every list of the administration among 100,000 users and 10,000 clients
	LOAD_USERS=100000 LOAD_CLIENTS=10000 LOAD_LIMIT=50ms $(SERVICES) $(GO) test -count=1 -timeout 2h -v ./test/load

openid-op: ## Start a server for the OpenID Foundation's conformance suite (ARGS)
	$(GO) run ./test/conformance/openid $(ARGS)

lint: tools ## Check the source: linters, vet, formatting, go.mod, shell scripts
	GO=$(GO) scripts/lint

format: tools ## Format the Go source
	.tools/golangci-lint fmt

# Built by the Go that builds Authly, because a linter can't read the source of
# a newer Go. When nothing has changed this takes a second.
tools:
	@mkdir -p .tools
	@cd tools && GOBIN='$(CURDIR)/.tools' CGO_ENABLED=0 $(GO) install tool

gen: ## Generate what is generated
	$(GO) generate ./...

verify: gen ## Check that what is generated is up to date
	git diff --exit-code

clean: ## Remove what was built
	rm -rf bin .tools
	$(GO) clean -testcache
