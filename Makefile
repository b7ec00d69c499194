# make test runs everything, on a real PostgreSQL; it installs the server's binaries when there are none.

GO ?= go

# The linter and govulncheck have a module file of their own, so that Deputy's stays small. The first run builds them.
TOOL = $(GO) tool -modfile=.ci/lint/go.mod

# Packages in which goroutines share something.
RACED = ./identity/... ./audit/... ./entitlements/requests/... ./vending/postgres/... ./vending/sqlite/... ./tools/... ./mcp/... \
	./internal/assembly ./internal/durable

.PHONY: load test lint layout race vuln steady conformance field faults crash bench build fuzz matrix schema vet postgres

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/deputy ./cmd/deputy

test: postgres vet
	$(GO) test -timeout 20m ./...

# What .golangci.yml asks for, and that depguard forbids what the table of internal/layout does not give.
lint:
	$(TOOL) golangci-lint run --allow-parallel-runners
	DEPUTY_LINTER=$$($(TOOL) -n golangci-lint) $(GO) test -count=1 -run Depguard ./internal/layout

# The rules of depguard, after a change of the table in internal/layout.
layout:
	$(GO) test ./internal/layout -run TestDepguardIsTheTable -update

# The packages of RACED under the race detector.
race: postgres
	$(GO) test -race -timeout 60m $(RACED)

# Known weaknesses in what Deputy calls; says so where their database cannot be reached.
vuln:
	@./.ci/vuln

# Ten runs beside a load of the lowest priority on two processors: prints every red one. RUNS, PACKAGES and LOAD change what is run.
steady:
	@./.ci/steady

# The protocol's own suite, other people's clients and a real authorization server; needs Node 20 and a registry. No other target runs them.
conformance:
	DEPUTY_CONFORMANCE=1 $(GO) test -count=1 -v ./internal/conformance

# The inputs that failed in the field and those that held, played through MCP on a real PostgreSQL and compared with psql: prints kind by kind
# how many are right. SHORT=-short leaves out what waits for a minute or makes thousands of tables.
field: postgres
	cd internal/field && DEPUTY_FIELD=1 $(GO) test -count=1 $(SHORT)

# What befalls servers, done to a running one beside its clients, with a table of what they saw: databases that freeze, vanish and fill up, an
# issuer that hangs, greedy callers, planned and unplanned stops; docs/faults.md has one. It judges by the clock as well, so that it wants a
# machine with nothing else to do, and root for disks and namespaces. DEPUTY_FAULTS_SHORT=1 is for CI: under three minutes, judged by counts.
faults: postgres
	cd internal/faults && DEPUTY_FAULTS=1 $(GO) test -count=1 -timeout 60m

# What greedy callers and locked tables do to a server's memory and to others, on a process at its default limits: prints the figures.
load: postgres
	DEPUTY_LOAD=1 $(GO) test -count=1 -v -timeout 30m ./internal/load

# The server is killed two hundred times under load, and one that keeps requests between any two statements.
crash: postgres
	DEPUTY_KILLS=200 $(GO) test -count=1 -v -timeout 30m -run 'TestKilledAtAnyMoment' ./cmd/deputy
	DEPUTY_STOPS=20 $(GO) test -count=1 -v -timeout 30m -run 'TestStopInTheMiddle' ./cmd/deputy
	DEPUTY_KILLS=1 $(GO) test -count=1 -v -run 'TestKilledBetween' ./entitlements/requests/store

vet:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	$(GO) vet ./...

bench: postgres
	$(GO) run ./internal/bench
	$(GO) run ./internal/bench -policies
	$(GO) run ./internal/bench -audit-read
	$(GO) test ./vending/postgres -run '^$$' -bench RowFilter -benchtime 30x
	$(GO) test ./entitlements/requests/store -run '^$$' -bench Approvals -benchtime 500x

# What is made of the table of the configuration's keys (internal/config/form): the JSON Schema and docs/configuration.md.
schema:
	$(GO) run ./internal/config/schema

# Each fuzz target for a little while; make test runs their seeds.
fuzz:
	@for target in $$(grep -rhoE 'func Fuzz[A-Za-z0-9_]+' --include='*_test.go' . | sed 's/func //' | sort -u); do \
		dir=$$(dirname $$(grep -rlE "func $$target\(" --include='*_test.go' .)); \
		echo "$$target in $$dir"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime 20s -fuzzminimizetime 10x $$dir || exit 1; done

# The PostgreSQL engine on every supported major, or on MAJORS="14 18"; needs npm.
matrix:
	./internal/testkit/throwaway/matrix.sh $(MAJORS)

postgres:
	@./internal/testkit/throwaway/install.sh
