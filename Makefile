# The targets that people and CI use. Everything that is needed on a bare
# Debian with Go, git and make is installed by the scripts, once.

export GOTOOLCHAIN = local

EDGE     = internal/edgectl/embedded/gapless-edge
GO_BUILD = CGO_ENABLED=0 go build -trimpath -ldflags "-s -w"
UNIT     = $$(go list ./... | grep -v '/test/e2e')
E2E      = DOCKER_CONFIG=$$(scripts/tools.sh e2e) GAPLESS=$(CURDIR)/build/gapless go test -count=1 -parallel 3

.PHONY: build demo test test-unit test-e2e test-long bench bench-guide mutants lint staticcheck clean

## build: build/gapless, with the edge inside
build:
	$(GO_BUILD) -o $(EDGE) ./cmd/gapless-edge
	$(GO_BUILD) -tags embededge -o build/gapless ./cmd/gapless

## demo: an update and a failed update of the example under traffic, in under three minutes
demo: build
	scripts/demo.sh

## test: everything that must pass before a change goes in
test: lint test-unit test-e2e

## lint: formatting, vet, syntax of the scripts
lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	@for script in $$(git ls-files '*.sh'); do sh -n $$script || exit 1; done

## test-unit: no Docker; the data path also under the race detector
test-unit:
	go test $(UNIT)
	scripts/tools.sh race
	CGO_ENABLED=1 go test -race ./internal/edge/...

## test-e2e: scenarios on a real Docker engine
test-e2e: build
	scripts/engine.sh
	$(GO_BUILD) -tags embededge,failpoints -o build/gapless-failpoints ./cmd/gapless
	$(E2E) -tags e2e -timeout 60m ./test/e2e/... ./internal/engine/

## test-long: the same for hours; the seed is printed
test-long: build staticcheck
	scripts/engine.sh
	$(GO_BUILD) -tags embededge,failpoints -o build/gapless-failpoints ./cmd/gapless
	GAPLESS_LONG=1 $(E2E) -tags e2e -timeout 12h -v ./test/e2e/...

## bench: updates beside other ways, a plan of twenty services, the edge beside
## other proxies; under six minutes once everything is built
bench: build
	scripts/engine.sh
	DOCKER_CONFIG=$$(scripts/tools.sh bench) go run ./test/bench/update -gapless build/gapless
	DOCKER_CONFIG=$$(scripts/tools.sh) go run ./test/bench/plan -gapless build/gapless
	go run ./test/bench/edge

## bench-guide: the scripts of the audience's own stack beside Gapless; about
## fifteen minutes
bench-guide: build
	DOCKER_CONFIG=$$(scripts/tools.sh) go run ./test/bench/guide -gapless build/gapless

## mutants: shows that the tests notice what they are there for
mutants:
	scripts/mutants.sh

## staticcheck: deeper analysis than vet, slower
staticcheck:
	$$(scripts/tools.sh staticcheck) ./...

## clean: removes what was built in the tree; the cache outside of it stays
clean:
	rm -rf build $(EDGE)
