# `make` lists what there is. Go, make and git are all it asks for.

# What tests need beside Go: a command or file, and the Debian package it is in.
# cc is for the race detector.
NEEDS := curl=curl /usr/sbin/haproxy=haproxy promtool=prometheus cc=build-essential redis-server=redis-server slowhttptest=slowhttptest

# What the benchmark suite compares with, and by what.
NEEDS += /usr/sbin/nginx=nginx /usr/lib/nginx/modules/ngx_http_lua_module.so=libnginx-mod-http-lua \
  /usr/share/lua/5.1/resty/core.lua=lua-resty-core /usr/share/lua/5.1/cjson/util.lua=lua-cjson \
  /usr/share/lua/5.1/nginx/redis.lua=lua-nginx-redis wrk=wrk

# What plugins in C, Rust and AssemblyScript are built with.
NEEDS += clang-19=clang-19 wasm-ld-19=lld-19 /usr/lib/wasm32-wasi/libc.a=wasi-libc \
  /usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a=libclang-rt-19-dev-wasm32 \
  /usr/bin/rustc=rustc /usr/lib/rustlib/wasm32-unknown-unknown=libstd-rust-dev-wasm32 \
  node=nodejs npm=npm

# The packages in those of the folders that exist.
packages = $(patsubst %,./%/...,$(wildcard $(1)))

GO       ?= go
FUZZTIME ?= 10s

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c

PLATFORMS := linux/arm64 darwin/arm64

# The profile in default.pgo is for the binary. Tests of package main, and what they
# build, would have every package compiled a second time for it.
lint cross unit race fuzz bench: export GOFLAGS += -pgo=off

.PHONY: help build test deps lint cross unit race fuzz bench clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

build: ## build phasm
	$(GO) build -o phasm .

test: deps lint cross unit race ## everything that CI runs

deps: ## install what the tests need, where that is possible
	@.ci/deps $(NEEDS)

# What guests are built from is checked once more as a guest sees it, without
# the tests: those run natively.
lint: ## format, vet and staticcheck
	@files=$$(gofmt -l .); [ -z "$$files" ] || { echo "not formatted, run gofmt -w:" $$files; exit 1; }
	$(GO) vet ./...
	@echo "go vet, as a guest"; export GOOS=wasip1 GOARCH=wasm; \
	$(GO) list -f '{{range .GoFiles}}{{$$.Dir}}/{{.}} {{end}}' $(call packages,sdk wasm-examples) | \
	while read -r files; do $(GO) vet $$files; done
	$(GO) tool staticcheck ./...

cross: ## build for the other platforms, the tests as well
	@for platform in $(PLATFORMS); do \
	  echo "go build and vet for $$platform"; export GOOS=$${platform%/*} GOARCH=$${platform#*/} CGO_ENABLED=0; \
	  $(GO) build -o /dev/null . && $(GO) vet ./...; \
	done

# Some packages mostly wait, for clocks and for other programs, and the longest
# of them come first: so they run beside others instead of after them. That many
# packages run at once; go vet has been there already.
PACKAGES_AT_ONCE ?= 3
TEST := $(GO) test -vet=off -p $(PACKAGES_AT_ONCE)

unit: ## go test
	$(TEST) ./server ./plugins/meter . ./bench ./...

# Where goroutines share something, the longest first. Elsewhere, and where one
# request or one caller alone is taken through a table (ALONE), the race detector
# has nothing to see. Under it sync.Pool forgets on purpose and memory is a
# multiple of what it is, so neither allocations nor memory are measured with it.
# What one hostile request does to others, what other programs have to say of the
# protocol, and the examples' own tests take long there and share nothing new.
SHARING := server plugins/host plugins plugins/zone plugins/redis plugins/memory plugins/automaton plugins/httpclient \
  server/static server/upstream plugins/metric plugins/rediszone plugins/socket pool
ALONE := HostileMemory|HugeArguments|AliasedArguments|LoadMutations|LargeModules|Model|HashIsEven|HashMovesLittle|AgreesWithServeContent|MatchInLanes|MatchOfSeveral|TellsClock

# What turns one module into another or into machine code has it to itself. To
# watch that takes half of the time of a test that starts a server.
UNSHARED := phasm/plugins/meter $(addprefix github.com/tetratelabs/wazero/internal/,leb128 wasm/binary \
  engine/wazevo/frontend engine/wazevo/ssa engine/wazevo/backend/...)

race: ## go test with the race detector, where goroutines share something
	$(TEST) -race $(UNSHARED:%=-gcflags=%=-race=false) -skip '$(ALONE)|^Fuzz|Allocat|EndlessRecursion$$|Soak|HostilePlugin|LargeBodies|Conforms|SlowClients|Nginx|Hygiene|Regex|Grants|Promtool|TrapStorm|HostileExitWorker|LogShipper|DynamicRouting$$|Canary|MetricsCollector|LimitsOfTwo|LargeResponse|Watch|OldConnections|SleepBlocks|ZoneFile' $(SHARING:%=./%)

fuzz: ## every fuzz target for FUZZTIME
	@$(GO) test -list '^Fuzz' ./... | \
	awk '/^Fuzz/ {targets[++n] = $$1} /^ok/ {for (; n; n--) print $$2, targets[n]}' | \
	while read -r package target; do \
	  echo "$$package $$target"; \
	  $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$package" </dev/null; \
	done

bench: ## Go benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

clean: ## remove what was built
	rm -rf phasm .cache
