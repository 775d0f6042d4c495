# Meetcast. The two commands: `make run` starts the product, `make test` passes
# everything. Both install what they need on Debian as root, and elsewhere say
# what to install.

GO      ?= go
BIN     := bin/meetcast
BENCH   ?= .
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.6.1
PAGES   := frontend/dist/meeting.html
PAGE_SOURCES := $(shell find frontend -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.PHONY: run build pages test test-go test-pages check bench screenshots deps test-deps clean

run: deps build ## start the product
	$(BIN) serve

build: pages ## one binary with the pages inside
	$(GO) build -trimpath -o $(BIN) ./cmd/meetcast

pages: $(PAGES)

frontend/node_modules/.package-lock.json: frontend/package.json frontend/package-lock.json
	cd frontend && npm ci --no-fund --no-audit
	@touch $@

$(PAGES): frontend/node_modules/.package-lock.json $(PAGE_SOURCES)
	cd frontend && npm run build
	@touch $@

test: test-deps build test-pages test-go ## everything

test-pages: pages
	cd frontend && npm run check && npm test

# -race is on where goroutines meet. Packages run one at a time: many of them play
# media in real time, and the end-to-end tests drive several real browsers.
# CI=true makes a test fail where it would skip for want of a program: test-deps
# has promised them all. -count=1, for the cache does not see the built program.
RACE := ./auth/... ./sfu/... ./signaling/... ./egress/... ./internal/...
test-go: export CI = true
test-go:
	$(GO) vet -tags "bench shots" ./...
	$(GO) test -race -timeout 10m -p 1 $(RACE)
	$(GO) test -timeout 10m ./configs/... ./cmd/... ./frontend/...
	TESTKIT_MEETCAST=$(CURDIR)/$(BIN) $(GO) test -count=1 -timeout 15m -p 1 ./tests/...

check: pages ## vet, staticcheck, gofmt, tsc, import rules
	$(GO) vet -tags "bench shots" ./...
	$(GO) run $(STATICCHECK) -tags "bench shots" ./...
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofmt would change: $$out"; exit 1; }
	cd frontend && npm run check
	$(GO) test ./tests

# Only the figures are printed, and what went wrong.
bench: test-deps build ## figures, one line each; BENCH=name runs one
	@TESTKIT_MEETCAST=$(CURDIR)/$(BIN) $(GO) test -tags bench -count=1 -timeout 60m -run 'TestBench/$(BENCH)' -v ./tests/bench > bin/bench.log 2>&1 \
		|| { cat bin/bench.log >&2; exit 1; }
	@grep -E '^[a-z0-9_]+ [0-9.e+-]+ [a-zA-Z/]+$$' bin/bench.log

screenshots: test-deps build ## the pictures of the docs
	TESTKIT_MEETCAST=$(CURDIR)/$(BIN) $(GO) test -tags shots -count=1 -timeout 10m ./tests/shots

deps:
	@scripts/install-deps run

test-deps:
	@scripts/install-deps test
	@$(MAKE) -s tests/firefox/node_modules/.package-lock.json

# What drives Firefox in the tests.
tests/firefox/node_modules/.package-lock.json: tests/firefox/package.json tests/firefox/package-lock.json
	cd tests/firefox && npm ci --no-fund --no-audit --loglevel=error
	@touch $@

clean:
	rm -rf bin frontend/dist/* frontend/node_modules tests/firefox/node_modules
