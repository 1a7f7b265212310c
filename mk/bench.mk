# The programs of the bench.

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

bench-programs:
	$(MAKE) $(BENCH_C) $(B)/bench/run.js
