# The kernel that has IORING_OP_ZERO, and the tests that need it.

KERNEL_PATCHES := $(wildcard kernel-patch/patches/*.patch)
# for the tests: a kernel in which 65 is another operation, and ZERO is 66
RENUMBERED := $(KERNEL_PATCHES) kernel-patch/test/renumbered.patch
# make test-kernel KERNEL=FOLDER tests another one
KERNEL := $(B)/kernel

$(B)/.kernel-tools: scripts/install-tools
	scripts/install-tools kernel
	mkdir -p $(B) && touch $@

# liburing's tests that the guest runs, built as upstream does it
LIBURING_TESTS = $(call names-in,test/guest/liburing-cases.json,list.map((each) => each.name))

kernel-test-programs: build kernel
	kernel-patch/build $(B)/kernel-renumbered $(B)/linux $(RENUMBERED)
	$(MAKE) test-programs
	$(MAKE) conformance-programs PROGRAMS='$(LIBURING_TESTS:%=%.t)'
	$(MAKE) -C $(NATIVE)/test ENABLE_SHARED=0 $(LIBURING_TESTS:%=%.t) > $(NATIVE)/make-tests.log 2>&1 || \
		{ cat $(NATIVE)/make-tests.log; exit 1; }
