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

.PHONY: all build docs host-flags sysroot conformance conformance-programs vectors relink page page-serve page-test-tools \
	test-tools test-programs examples demo crosscheck test test-all liburing-readme mutate bench bench-chart bench-programs \
	lint format runtimes setup kernel kernel-run kernel-shell \
	test-kernel kernel-test-programs update-liburing clean distclean help
.DEFAULT_GOAL := help

help: ## this text
	echo 'make TARGET, where TARGET is one of'
	sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 20

# --- what has to be installed --------------------------------------------------

setup: $(B)/.tools node_modules/.package-lock.json ## install the tools that are missing

$(B)/.tools: scripts/install-tools
	scripts/install-tools
	mkdir -p $(B) && touch $@

# not npm ci, which fails where a mirror lacks an optional package of another platform
node_modules/.package-lock.json: package.json package-lock.json
	echo 'npm: installing the development tools'
	npm install --no-save --silent
	touch $@

# --- liburing: sources, the native reference -----------------------------------

PATCHES := $(wildcard liburing-patch/patches/*.patch)

$(TREE)/configure: liburing-patch/upstream.env $(PATCHES) | $(B)/.tools
	liburing-patch/fetch $(TREE)
	touch $@

$(NATIVE)/src/liburing-ffi.a: $(TREE)/configure
	echo 'liburing: building natively, as the reference'
	mkdir -p $(NATIVE)
	cd $(NATIVE) && $(abspath $(TREE))/configure --cc=$(CC) > configure.log 2>&1
	$(MAKE) -C $(NATIVE)/src ENABLE_SHARED=0 CFLAGS='-O2 -g -Wall -Wextra' > $(NATIVE)/make.log 2>&1 || \
		{ cat $(NATIVE)/make.log; exit 1; }

$(NATIVE)/.examples: $(NATIVE)/src/liburing-ffi.a
	echo "liburing: building its examples natively, for the ports' tests"
	$(MAKE) -C $(NATIVE)/examples CFLAGS='-O2 -g -Wall' > $(NATIVE)/examples.log 2>&1 || \
		{ cat $(NATIVE)/examples.log; exit 1; }
	touch $@

# --- wasm ----------------------------------------------------------------------

# -O3 and real atomics: liburing's acquire and release must order what the kernel sees
WASM_CFLAGS := -O3 -Wall -Wextra -Werror -matomics -mbulk-memory -mnontrapping-fptoint -mmutable-globals
WASM_OPT_FLAGS := -O3 --enable-memory64 --enable-threads --enable-bulk-memory \
	--enable-nontrapping-float-to-int --enable-sign-ext --enable-mutable-globals

$(WASM)/src/liburing-ffi.a: $(TREE)/configure wasm/cc $(wildcard wasm/include/*/*.h)
	echo 'liburing: building for wasm'
	mkdir -p $(WASM)
	cd $(WASM) && $(abspath $(TREE))/configure --cc=$(WASM_CC) > configure.log 2>&1
	grep -q CONFIG_NOLIBC $(WASM)/config-host.h || { echo 'wasm/cc does not work:'; cat $(WASM)/config.log; exit 1; }
	$(MAKE) -C $(WASM)/src liburing-ffi.a ENABLE_SHARED=0 AR=emar RANLIB=emranlib \
		CFLAGS='$(WASM_CFLAGS)' > $(WASM)/make.log 2>&1 || { cat $(WASM)/make.log; exit 1; }

GENERATOR := $(wildcard wasm/generate/*.ts)
GENERATED := $(B)/model.json

$(B)/generate/main.js: $(GENERATOR) wasm/generate/tsconfig.json tsconfig.json node_modules/.package-lock.json
	$(BIN)/tsc -p wasm/generate
	touch $@

$(GENERATED): $(B)/generate/main.js $(WASM)/src/liburing-ffi.a
	echo 'bindings: reading the headers'
	node $< $(TREE) $(WASM) $(WASM)/generated src $@

# relink, with THUNKS and OUT, is for a test: it links a module that is wrong
THUNKS = $(WASM)/generated/thunks.c
OUT = dist/liburing.wasm
LINK_FLAGS := -sTOTAL_STACK=65536 -sINITIAL_MEMORY=131072 -sALLOW_MEMORY_GROWTH -sMAXIMUM_MEMORY=4GB \
	-Wl,--import-memory -Wl,--export=__stack_pointer -Wl,--export=__heap_base

define link-module
	$(WASM_CC) $(WASM_CFLAGS) -I$(WASM)/src/include -I$(TREE)/src/include -c $(THUNKS) -o $(OUT).thunks.o
	$(WASM_CC) $(WASM_CFLAGS) -c wasm/module.c -o $(OUT).module.o
	$(WASM_CC) $(LINK_FLAGS) $$(cat $(WASM)/generated/exports.rsp) $(OUT).thunks.o $(OUT).module.o \
		$(WASM)/src/liburing-ffi.a -o $(OUT).lp64
	wasm-opt $(WASM_OPT_FLAGS) --memory64-lowering $(OUT).lp64 -o $(OUT)
	rm $(OUT).thunks.o $(OUT).module.o $(OUT).lp64
endef

dist/liburing.wasm: wasm/module.c $(GENERATED) $(WASM)/src/liburing-ffi.a Makefile
	mkdir -p dist
	$(link-module)
	echo "wasm: $$(wc -c < $@) bytes, $$(gzip -9c $@ | wc -c) compressed"

relink:
	$(link-module)

# --- the host shim -------------------------------------------------------------

# uv.h: Node brings it, but for Debian's own package of Node
NODE_INCLUDE := $(wildcard $(shell node -p 'path.join(path.dirname(process.execPath), "../include/node")' 2> /dev/null))

HOST_CFLAGS := -std=gnu11 -O2 -g -fPIC -fvisibility=hidden -Wall -Wextra -Werror \
	-D_GNU_SOURCE -DNAPI_VERSION=8 -Inode_modules/node-api-headers/include \
	$(addprefix -idirafter ,$(NODE_INCLUDE)) -I$(NATIVE)/src/include -I$(TREE)/src/include
# for a test, which compiles it with more
host-flags:
	echo $(HOST_CFLAGS)

HOST_SOURCES := $(wildcard host/*.c)

dist/host.node: $(HOST_SOURCES) $(wildcard host/*.h) $(NATIVE)/src/liburing-ffi.a node_modules/.package-lock.json
	echo 'host: compiling the shim'
	mkdir -p dist
	$(CC) $(HOST_CFLAGS) -shared $(HOST_SOURCES) -o $@

RUN_SOURCES := $(wildcard host/run/*.c) host/ring.c host/mirror.c

dist/run.node: $(RUN_SOURCES) $(wildcard host/*.h host/run/*.h wasm/libc/arch/host.h) \
		$(NATIVE)/src/liburing-ffi.a node_modules/.package-lock.json
	echo "host: compiling the runner's part of the shim"
	mkdir -p dist
	$(CC) $(HOST_CFLAGS) -shared $(RUN_SOURCES) -o $@

# --- programs in wasm: the C library, liburing for them -------------------------

SYSROOT := $(B)/sysroot
URING := $(B)/uring
export URING_SYSROOT := $(abspath $(SYSROOT))

$(B)/musl/COPYRIGHT: wasm/libc/fetch wasm/libc/musl.env | $(B)/.tools
	wasm/libc/fetch $(B)/musl
	touch $@

$(SYSROOT)/llvm: $(B)/musl/COPYRIGHT wasm/libc/build wasm/libc/crt1.c wasm/bin/tools.sh \
		$(wildcard wasm/libc/arch/* wasm/libc/src/*/*)
	echo 'musl: building for wasm'
	wasm/libc/build $(B)/musl $(SYSROOT)

$(SYSROOT)/lib/liburing.a: $(SYSROOT)/llvm $(TREE)/configure wasm/bin/uring-cc $(wildcard wasm/include/*.h wasm/include/*/*.h)
	echo 'liburing: building for programs in wasm'
	mkdir -p $(URING)
	cd $(URING) && $(abspath $(TREE))/configure --cc=$(abspath wasm/bin/uring-cc) \
		--cxx=$(abspath wasm/bin/uring-c++) > configure.log 2>&1
	$(MAKE) -C $(URING)/src liburing.a ENABLE_SHARED=0 AR=emar RANLIB=emranlib CFLAGS='-O2 -Wall -Wextra' \
		> $(URING)/make.log 2>&1 || { cat $(URING)/make.log; exit 1; }
	cp -R $(TREE)/src/include/* $(URING)/src/include/* $(SYSROOT)/include
	cp $(URING)/src/liburing.a $@

$(URING)/examples/.built: $(SYSROOT)/lib/liburing.a
	echo "liburing: building the examples for wasm"
	$(MAKE) -C $(URING)/examples CC=$(abspath wasm/bin/uring-cc) CFLAGS='-O2 -Wall -Wextra' \
		> $(URING)/make.log 2>&1 || { tail -n 40 $(URING)/make.log; exit 1; }
	touch $@

sysroot: setup ## the C library and liburing that wasm/bin/uring-cc links
	$(MAKE) $(SYSROOT)/lib/liburing.a

# --- liburing's own tests, natively and in wasm ---------------------------------

CONFORMANCE := $(B)/conformance
JOBS ?= 2
CONFORMANCE_FLAGS := CFLAGS='-O2 -Wall -Wextra' LDFLAGS=rand.o
CONFORMANCE_WASM := CONFIG_HAVE_CXX=y CC=$(abspath wasm/bin/uring-cc) CXX=$(abspath wasm/bin/uring-c++) $(CONFORMANCE_FLAGS)
# those that this project's own tests run
SAMPLE := $(shell sed -n "s/^  [a-z]*: \[\('.*'\)\],$$/\1/p" test/support/conformance.ts | tr -d "',")

# a tree for the programs, and what all of them link
$(CONFORMANCE)/native/.tree: $(TREE)/configure test/conformance/rand.c
	rm -rf $(@D) && mkdir -p $(@D)
	cd $(@D) && $(abspath $(TREE))/configure --cc=$(CC) > configure.log 2>&1
	$(MAKE) -C $(@D)/src liburing.a ENABLE_SHARED=0 CFLAGS='-O2 -g -Wall -Wextra' > $(@D)/make.log 2>&1 || \
		{ cat $(@D)/make.log; exit 1; }
	$(CC) -O2 -Wall -Wextra -Werror -c test/conformance/rand.c -o $(@D)/test/rand.o
	touch $@

$(CONFORMANCE)/wasm/.tree: $(SYSROOT)/lib/liburing.a test/conformance/rand.c
	mkdir -p $(CONFORMANCE) && rm -rf $(@D) && cp -R $(URING) $(@D)
	wasm/bin/uring-cc -O2 -Wall -Wextra -Werror -c test/conformance/rand.c -o $(@D)/test/rand.o
	# this one skips itself on what it does not know to be an x86; the library is told nothing
	{ $(MAKE) -C $(@D)/test helpers.o $(CONFORMANCE_WASM) && \
		$(MAKE) -C $(@D)/test double-poll-crash.t CPPFLAGS=-D__i386 $(CONFORMANCE_WASM); } \
		> $(@D)/make.log 2>&1 || { cat $(@D)/make.log; exit 1; }
	touch $@

$(CONFORMANCE)/harness/main.js: $(wildcard test/conformance/*.ts) dist/index.js
	$(BIN)/tsc -p test/conformance
	touch $@

# the folder, its variables, a word for it
define build-conformance
	$(MAKE) -q -C $(CONFORMANCE)/$(1)/test $(2) $(PROGRAMS) > /dev/null 2>&1 || \
		{ echo "conformance: building liburing's tests $(3)$(if $(PROGRAMS),: $(PROGRAMS:.t=))"; \
		$(MAKE) -C $(CONFORMANCE)/$(1)/test -j$(JOBS) $(2) $(PROGRAMS) >> $(CONFORMANCE)/$(1)/make.log 2>&1; } || \
		{ tail -n 40 $(CONFORMANCE)/$(1)/make.log; exit 1; }
endef

# PROGRAMS= some of them, all if it is empty
conformance-programs: $(CONFORMANCE)/native/.tree $(CONFORMANCE)/wasm/.tree $(CONFORMANCE)/harness/main.js
	$(call build-conformance,native,$(CONFORMANCE_FLAGS),natively)
	$(call build-conformance,wasm,$(CONFORMANCE_WASM),for wasm)

conformance: build ## liburing's own tests, in wasm and natively (JOBS=2, TEST=name for one)
	$(MAKE) conformance-programs
	node $(CONFORMANCE)/harness/main.js --jobs $(JOBS) $(if $(TEST),--test '$(TEST)')

# --- TypeScript ----------------------------------------------------------------

src/encoding/generated/opcodes.ts: $(B)/generate/main.js dist/liburing.wasm
	node $(B)/generate/opcodes.js $(GENERATED) dist/liburing.wasm $@

dist/index.js: $(wildcard src/*.ts src/*/*.ts src/ring/engine/*.ts) tsconfig.json scripts/bundle.mjs $(GENERATED) src/encoding/generated/opcodes.ts
	echo 'typescript: compiling'
	rm -rf $(B)/js && mkdir -p dist && find dist '(' -name '*.js' -o -name '*.ts' -o -name '*.map' ')' -delete
	$(BIN)/tsc --outDir $(B)/js --declarationDir dist
	node scripts/bundle.mjs $(B)/js dist
	chmod +x dist/cli/main.js
	touch $@

build: setup ## everything that is shipped
	$(MAKE) dist/liburing.wasm dist/host.node dist/run.node dist/index.js dist/vectors.json dist/vectors.schema.json

$(B)/examples/demo.js: $(wildcard examples/*.ts examples/*/*.ts) examples/tsconfig.json dist/index.js
	$(BIN)/tsc -p examples
	touch $@

# --- the page ------------------------------------------------------------------

PAGE := $(B)/page

$(B)/.page: $(wildcard page/*) $(wildcard page/tools/*) tsconfig.json dist/liburing.wasm dist/index.js
	rm -rf $(PAGE)
	$(BIN)/tsc -p page
	$(BIN)/tsc -p page/tools
	node $(B)/page-tools/copy.js $(B)/js $(PAGE)/dist encode.js linux.js
	cp page/index.html page/style.css page/icon.svg $(PAGE)
	cp dist/liburing.wasm $(PAGE)/dist
	touch $@

page: build ## build the page, static files in build/page
	$(MAKE) $(B)/.page

page-serve: page ## serve the page on loopback (PORT=8080)
	node $(B)/page-tools/serve.js $(PAGE)

page-test-tools: setup
	scripts/install-tools page

test-tools: setup
	scripts/install-tools test

examples: build ## compile the examples to build/examples
	$(MAKE) $(B)/examples/demo.js

demo: build ## build all, read a file through io_uring from TypeScript
	$(MAKE) $(B)/examples/demo.js
	node $(B)/examples/demo.js

# --- the native reference, beside which the wasm build is held ------------------

$(B)/reference: $(GENERATED) $(NATIVE)/src/liburing-ffi.a
	$(CC) -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -I$(NATIVE)/src/include -I$(TREE)/src/include \
		$(WASM)/generated/reference.c -o $@

dist/vectors.json: $(B)/reference $(B)/generate/main.js dist/index.js
	node $(B)/generate/vectors.js $(GENERATED) $< dist/encode.js $@

dist/vectors.schema.json: src/cli/vectors.schema.json
	mkdir -p dist
	cp $< $@

docs/operations.md: dist/index.js $(wildcard examples/*.ts)
	node $(B)/generate/operations-page.js $(GENERATED) dist examples $@

docs: build ## write docs/operations.md, the table of operations
	$(MAKE) docs/operations.md

vectors: setup ## write the golden vectors, dist/vectors.json
	$(MAKE) dist/vectors.json dist/vectors.schema.json

$(B)/crosscheck/main.js: $(wildcard test/crosscheck/*.ts) dist/index.js
	$(BIN)/tsc -p test/crosscheck
	touch $@

crosscheck: build ## compare the bytes of SQEs with C's (CASES=10000 a function)
	$(MAKE) $(B)/crosscheck/main.js
	node $(B)/crosscheck/main.js --cases $(or $(CASES),10000)

$(B)/test/syscall.node: test/liburing/support/syscall.c $(NATIVE)/src/liburing-ffi.a node_modules/.package-lock.json
	mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -shared $< -o $@

test: build page page-test-tools test-tools ## build all and run the tests (TESTS= names some)
	$(MAKE) test-programs
	$(BIN)/vitest run --exclude 'test/kernel/**' $(TESTS)

test-programs:
	$(MAKE) $(B)/examples/demo.js $(NATIVE)/.examples $(URING)/examples/.built $(B)/test/syscall.node $(BENCH_C) $(B)/bench/run.js
	$(MAKE) conformance-programs PROGRAMS='$(SAMPLE:%=%.t)'
	$(BIN)/tsc -p test

liburing-readme: build ## write test/liburing/README.md, the list of the ports
	$(BIN)/vitest run test/liburing/readme.test.ts --update

$(B)/mutate/main.js: $(wildcard test/mutate/*.ts) dist/index.js
	$(BIN)/tsc -p test/mutate
	touch $@

mutate: build ## break the bindings, see whether test/liburing notices (FUNCTIONS= a pattern, JOBS=2)
	$(MAKE) $(B)/mutate/main.js $(B)/test/syscall.node
	node $(B)/mutate/main.js --jobs $(JOBS) $(if $(FUNCTIONS),--functions '$(FUNCTIONS)')

runtimes: $(B)/.tools ## install Node 22, 24 and 26, Bun and Deno, for the tests to run in, too
	scripts/install-runtimes node22 node24 node26 bun deno

# --- the kernel that has IORING_OP_ZERO, and the tests that need it -------------

KERNEL_PATCHES := $(wildcard kernel-patch/patches/*.patch)
# for the tests: a kernel in which 65 is another operation, and ZERO is 66
RENUMBERED := $(KERNEL_PATCHES) kernel-patch/test/renumbered.patch
# make test-kernel KERNEL=FOLDER tests another one
KERNEL := $(B)/kernel

$(B)/.kernel-tools: scripts/install-tools
	scripts/install-tools kernel
	mkdir -p $(B) && touch $@

kernel: $(B)/.kernel-tools $(TREE)/configure ## build the patched kernel (LINUX_VERSION= for another 7.x)
	kernel-patch/build $(B)/kernel $(B)/linux $(KERNEL_PATCHES)
	kernel-patch/check-opcodes $(B)/kernel/include/linux/io_uring.h $(TREE)/src/include/liburing/io_uring.h

kernel-run: build kernel $(B)/examples/demo.js ## run CMD= under it, as root, with this machine's files
	kernel-patch/boot $(KERNEL)/bzImage sh -c "$$CMD"

kernel-shell: build kernel $(B)/examples/demo.js ## the same with a shell
	kernel-patch/boot --shell $(KERNEL)/bzImage

# liburing's tests that the guest runs, built as upstream does it
LIBURING_TESTS := $(shell sed -n "s/.*{ name: '\([^']*\)'.*/\1/p" test/guest/liburing-cases.ts)

kernel-test-programs: build kernel
	kernel-patch/build $(B)/kernel-renumbered $(B)/linux $(RENUMBERED)
	$(MAKE) test-programs
	$(MAKE) conformance-programs PROGRAMS='$(LIBURING_TESTS:%=%.t)'
	$(MAKE) -C $(NATIVE)/test ENABLE_SHARED=0 $(LIBURING_TESTS:%=%.t) > $(NATIVE)/make-tests.log 2>&1 || \
		{ cat $(NATIVE)/make-tests.log; exit 1; }

test-kernel: kernel-test-programs ## boot it in QEMU, run what only it can (TESTS= names some)
	KERNEL=$(abspath $(KERNEL)) $(BIN)/vitest run --maxWorkers=2 $(or $(TESTS),test/kernel)

test-all: page page-test-tools test-tools kernel-test-programs $(B)/test/syscall.node ## both, with one sum in the end
	KERNEL=$(abspath $(KERNEL)) $(BIN)/vitest run

lint: setup ## check format and style
	scripts/install-tools lint
	$(BIN)/biome check .
	clang-format --dry-run --Werror $(C_SOURCES)
	shellcheck -x $(SHELL_SOURCES)

format: setup ## format
	scripts/install-tools lint
	$(BIN)/biome check --write .
	clang-format -i $(C_SOURCES)

# --- bench ---------------------------------------------------------------------

BENCH_C := $(patsubst bench/c/%.c,$(B)/bench/c/%,$(wildcard bench/c/*.c)) $(B)/bench/c/echo-server

$(B)/bench/c/%: bench/c/%.c $(wildcard bench/c/*.h) $(NATIVE)/src/liburing-ffi.a
	mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -pthread -I$(NATIVE)/src/include -I$(TREE)/src/include \
		$< $(NATIVE)/src/liburing.a -o $@

# liburing's own program, as it is
$(B)/bench/c/echo-server: $(NATIVE)/src/liburing-ffi.a
	mkdir -p $(@D)
	$(CC) -O2 -g -w -D_GNU_SOURCE -I$(NATIVE)/src/include -I$(TREE)/src/include \
		$(TREE)/examples/echo-server.c $(TREE)/examples/helpers.c $(NATIVE)/src/liburing.a -o $@

$(B)/bench/run.js: $(wildcard bench/*.ts bench/*/*.ts) bench/tsconfig.json tsconfig.json dist/index.js
	rm -rf $(B)/bench/ts $(B)/bench/cases
	$(BIN)/tsc -p bench
	touch $@

bench: build bench-programs ## compare with C, node:fs, node:net [WHAT= RUNTIMES= ROUNDS= MS=, or LIST=1 or HELP=1]
	node $(B)/bench/run.js $(if $(HELP),--help) $(if $(LIST),--list) $(if $(ROUNDS),--rounds '$(ROUNDS)') \
		$(if $(MS),--ms '$(MS)') $(if $(WHAT),--what '$(WHAT)') $(if $(RUNTIMES),--runtimes '$(RUNTIMES)')

bench-chart: setup ## build/bench.json as docs/bench.svg and in docs/performance.md (RUNTIME= one that was measured)
	$(MAKE) $(B)/bench/run.js
	node $(B)/bench/publish.js $(if $(RUNTIME),--runtime '$(RUNTIME)')

bench-programs:
	$(MAKE) $(BENCH_C) $(B)/bench/run.js

# --- the rest ------------------------------------------------------------------

C_SOURCES = $(wildcard host/*.[ch] host/run/*.[ch] wasm/*.c wasm/include/*.h wasm/include/*/*.h wasm/libc/*.c wasm/libc/*/*.h \
	wasm/libc/src/*/*.c bench/c/*.[ch] test/course/*.c test/conformance/*.c test/liburing/support/*.c)
SHELL_SOURCES = .ci/run wasm/cc wasm/bin/uring-cc wasm/bin/tools.sh wasm/libc/fetch wasm/libc/build \
	$(filter-out %.mjs,$(wildcard scripts/*)) liburing-patch/fetch liburing-patch/update \
	$(addprefix kernel-patch/,fetch build boot init check-opcodes)

update-liburing: ## move to the newest release of liburing, if the patches fit (VERSION= for another)
	liburing-patch/update $(VERSION)

clean: ## remove what was built
	rm -rf $(B) dist src/*/generated

distclean: clean ## and what was installed into the folder
	rm -rf node_modules
