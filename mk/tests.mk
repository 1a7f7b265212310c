# What the tests need: the native reference, vectors, programs.

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

$(B)/crosscheck/main.js: $(wildcard test/crosscheck/*.ts) dist/index.js
	$(BIN)/tsc -p test/crosscheck
	touch $@

$(B)/test/syscall.node: test/liburing/support/syscall.c $(NATIVE)/src/liburing-ffi.a node_modules/.package-lock.json
	mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -shared $< -o $@

test-programs:
	$(MAKE) $(B)/examples/demo.js $(NATIVE)/.examples $(URING)/examples/.built $(B)/test/syscall.node $(BENCH_C) $(B)/bench/run.js
	$(MAKE) conformance-programs PROGRAMS='$(SAMPLE:%=%.t)'
	$(BIN)/tsc -p test

$(B)/mutate/main.js: $(wildcard test/mutate/*.ts) dist/index.js
	$(BIN)/tsc -p test/mutate
	touch $@

# for a test: the names in the lists, one a line
shared-lists:
	printf '%s\n' $(SAMPLE) -- $(LIBURING_TESTS)
