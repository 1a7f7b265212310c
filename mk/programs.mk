# Programs in wasm: the C library, and liburing for them.

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
