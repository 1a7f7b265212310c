# liburing's own tests, natively and in wasm.

# Names from a list that make and the tests share: the file, and an expression that
# makes an array of names of what is in it. A list without names is an error.
names-in = $(or $(shell node -p 'const list = JSON.parse(fs.readFileSync("$(1)")); ($(2)).join(" ")'),$(error $(1) names nothing))

CONFORMANCE := $(B)/conformance
JOBS ?= 2
CONFORMANCE_FLAGS := CFLAGS='-O2 -Wall -Wextra' LDFLAGS=rand.o
CONFORMANCE_WASM := CONFIG_HAVE_CXX=y CC=$(abspath wasm/bin/uring-cc) CXX=$(abspath wasm/bin/uring-c++) $(CONFORMANCE_FLAGS)
# those that this project's own tests run
SAMPLE = $(call names-in,test/conformance/sample.json,Object.values(list).flat())

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
