# liburing in wasm, and what is generated from its headers.

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

dist/liburing.wasm: wasm/module.c $(GENERATED) $(WASM)/src/liburing-ffi.a mk/wasm.mk
	mkdir -p dist
	$(link-module)
	echo "wasm: $$(wc -c < $@) bytes, $$(gzip -9c $@ | wc -c) compressed"

relink:
	$(link-module)
