# The targets that people and CI use. Everything that is needed on a bare
# Debian with Go, git and make is installed by the scripts, once.

export GOTOOLCHAIN = local
# The same for builds and tests: with other flags a bare machine would compile
# the standard library and every module once more.
export CGO_ENABLED = 0
export GOFLAGS := $(shell go env GOFLAGS) -trimpath

EDGE     = internal/edgectl/embedded/gapless-edge
GO_BUILD = go build -ldflags "-s -w"
UNIT     = $$(go list ./... | grep -v '/test/e2e')
# A tool that does not build ends the recipe; within the assignment it would not.
CONFIG   = config=$$(scripts/tools.sh $(1)) && DOCKER_CONFIG=$$config
E2E      = $(call CONFIG,e2e) GAPLESS=$(CURDIR)/build/gapless go test -count=1 -parallel 2

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

## lint: formatting, vet, checksums of the tools, syntax of the scripts, mutants that apply
lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted:"; echo "$$unformatted"; exit 1; fi
	go vet -tags e2e,redis ./...
	@cd tools && go list -deps tool >/dev/null
	@for script in $$(git ls-files '*.sh'); do sh -n $$script || exit 1; done
	@for mutant in test/mutants/*.patch; do git apply --check $$mutant || exit 1; done

## test-unit: no Docker; the data path also under the race detector
test-unit:
	go test $(UNIT)
	scripts/tools.sh race
	CGO_ENABLED=1 go test -race ./internal/edge/...

## test-e2e: scenarios on a real Docker engine
test-e2e: build
	scripts/engine.sh
	$(GO_BUILD) -tags embededge,failpoints -o build/gapless-failpoints ./cmd/gapless
	$(E2E) -p 1 -tags e2e -timeout 75m ./test/e2e/... ./internal/engine/ ./internal/front/

## test-long: the scenarios for hours, and those that want a machine to themselves;
## the seed is printed
test-long: build staticcheck
	scripts/engine.sh
	$(GO_BUILD) -tags embededge,failpoints -o build/gapless-failpoints ./cmd/gapless
	export GAPLESS_LONG=1; $(E2E) -tags e2e -timeout 12h -v ./test/e2e/...

## bench: updates beside other ways, a plan of twenty services, the edge beside
## other proxies; under six minutes once everything is built
bench: build
	scripts/engine.sh
	$(call CONFIG,bench) go run ./test/bench/update -gapless build/gapless
	$(call CONFIG) go run ./test/bench/plan -gapless build/gapless
	go run ./test/bench/edge

## bench-guide: the scripts of the audience's own stack beside Gapless; about
## fifteen minutes
bench-guide: build
	$(call CONFIG) go run ./test/bench/guide -gapless build/gapless

## mutants: shows that the tests notice what they are there for
mutants:
	scripts/mutants.sh

## staticcheck: deeper analysis than vet, slower
staticcheck:
	staticcheck=$$(scripts/tools.sh staticcheck) && $$staticcheck ./...

## clean: removes what was built in the tree; the cache outside of it stays
clean:
	rm -rf build $(EDGE)
