# liburing-wasm. The two commands for a fresh machine: make demo, make test.
#
# Settings: LIBURING_SRC=DIR  liburing's sources from a folder of yours
#           PORT=N            where page-serve listens
#           EMCC=, CC=        compilers

.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory --silent

B := build
TREE := $(B)/liburing
NATIVE := $(B)/native
WASM := $(B)/wasm
BIN := node_modules/.bin

CC ?= gcc
export EMCC ?= emcc
WASM_CC := $(abspath wasm/cc)

.PHONY: bench bench-chart bench-programs build clean conformance conformance-programs crosscheck demo \
	distclean docs examples format help host-flags kernel kernel-run kernel-shell kernel-test-programs \
	liburing-readme lint mutate page page-serve page-test-tools relink runtimes setup shared-lists \
	sysroot test test-all test-kernel test-programs test-tools update-liburing vectors
.DEFAULT_GOAL := help

help: ## this text
	echo 'make TARGET, where TARGET is one of'
	sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 20

# The rules behind these targets, by subject. A later file uses the variables of earlier ones.
include $(addprefix mk/,$(addsuffix .mk,setup liburing wasm host programs conformance typescript page tests kernel bench lint))

setup: $(B)/.tools node_modules/.package-lock.json ## install the tools that are missing

build: setup ## everything that is shipped
	$(MAKE) dist/liburing.wasm dist/host.node dist/run.node dist/index.js dist/vectors.json dist/vectors.schema.json

demo: build ## build all, read a file through io_uring from TypeScript
	$(MAKE) $(B)/examples/demo.js
	node $(B)/examples/demo.js

examples: build ## compile the examples to build/examples
	$(MAKE) $(B)/examples/demo.js

docs: build ## write docs/operations.md, the table of operations
	$(MAKE) docs/operations.md

vectors: setup ## write the golden vectors, dist/vectors.json
	$(MAKE) dist/vectors.json dist/vectors.schema.json

crosscheck: build ## compare the bytes of SQEs with C's (CASES=10000 a function)
	$(MAKE) $(B)/crosscheck/main.js
	node $(B)/crosscheck/main.js --cases $(or $(CASES),10000)

test: build page page-test-tools test-tools ## build all and run the tests (TESTS= names some)
	$(MAKE) test-programs
	$(BIN)/vitest run --exclude 'test/kernel/**' $(TESTS)

test-all: page page-test-tools test-tools kernel-test-programs $(B)/test/syscall.node ## test and test-kernel, with one sum in the end
	KERNEL=$(abspath $(KERNEL)) $(BIN)/vitest run

conformance: build ## liburing's own tests, in wasm and natively (JOBS=2, TEST=name for one)
	$(MAKE) conformance-programs
	node $(CONFORMANCE)/harness/main.js --jobs $(JOBS) $(if $(TEST),--test '$(TEST)')

sysroot: setup ## the C library and liburing that wasm/bin/uring-cc links
	$(MAKE) $(SYSROOT)/lib/liburing.a

runtimes: $(B)/.tools ## install Node 22, 24 and 26, Bun and Deno, for the tests to run in, too
	scripts/install-runtimes node22 node24 node26 bun deno

mutate: build ## break the bindings, see whether test/liburing notices (FUNCTIONS= a pattern, JOBS=2)
	$(MAKE) $(B)/mutate/main.js $(B)/test/syscall.node
	node $(B)/mutate/main.js --jobs $(JOBS) $(if $(FUNCTIONS),--functions '$(FUNCTIONS)')

liburing-readme: build ## write test/liburing/README.md, the list of the ports
	$(BIN)/vitest run test/liburing/readme.test.ts --update

bench: build bench-programs ## compare with C, node:fs, node:net [WHAT= RUNTIMES= ROUNDS= MS=, or LIST=1 or HELP=1]
	node $(B)/bench/run.js $(if $(HELP),--help) $(if $(LIST),--list) $(if $(ROUNDS),--rounds '$(ROUNDS)') \
		$(if $(MS),--ms '$(MS)') $(if $(WHAT),--what '$(WHAT)') $(if $(RUNTIMES),--runtimes '$(RUNTIMES)')

bench-chart: setup ## build/bench.json as docs/bench.svg and in docs/performance.md (RUNTIME= one that was measured)
	$(MAKE) $(B)/bench/run.js
	node $(B)/bench/publish.js $(if $(RUNTIME),--runtime '$(RUNTIME)')

page: build ## build the page, static files in build/page
	$(MAKE) $(B)/.page

page-serve: page ## serve the page on loopback (PORT=8080)
	node $(B)/page-tools/serve.js $(PAGE)

kernel: $(B)/.kernel-tools $(TREE)/configure ## build the patched kernel (LINUX_VERSION= for another 7.x)
	kernel-patch/build $(B)/kernel $(B)/linux $(KERNEL_PATCHES)
	kernel-patch/check-opcodes $(B)/kernel/include/linux/io_uring.h $(TREE)/src/include/liburing/io_uring.h

kernel-run: build kernel $(B)/examples/demo.js ## run CMD= under it, as root, with this machine's files
	kernel-patch/boot $(KERNEL)/bzImage sh -c "$$CMD"

kernel-shell: build kernel $(B)/examples/demo.js ## the same with a shell
	kernel-patch/boot --shell $(KERNEL)/bzImage

test-kernel: kernel-test-programs ## boot it in QEMU, run what only it can (TESTS= names some)
	KERNEL=$(abspath $(KERNEL)) $(BIN)/vitest run --maxWorkers=2 $(or $(TESTS),test/kernel)

lint: setup ## check format and style
	scripts/install-tools lint
	$(BIN)/biome check .
	clang-format --dry-run --Werror $(C_SOURCES)
	shellcheck -x $(SHELL_SOURCES)

format: setup ## format
	scripts/install-tools lint
	$(BIN)/biome check --write .
	clang-format -i $(C_SOURCES)

update-liburing: ## move to the newest release of liburing, if the patches fit (VERSION= for another)
	liburing-patch/update $(VERSION)

clean: ## remove what was built
	rm -rf $(B) dist src/*/generated

distclean: clean ## and what was installed into the folder
	rm -rf node_modules
