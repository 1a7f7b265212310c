# liburing's sources, and the native build that is the reference.

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
