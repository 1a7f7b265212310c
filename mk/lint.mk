# What the linters read.

C_SOURCES = $(wildcard host/*.[ch] host/run/*.[ch] wasm/*.c wasm/include/*.h wasm/include/*/*.h wasm/libc/*.c wasm/libc/*/*.h \
	wasm/libc/src/*/*.c bench/c/*.[ch] test/course/*.c test/conformance/*.c test/liburing/support/*.c)
SHELL_SOURCES = .ci/run wasm/cc wasm/bin/uring-cc wasm/bin/tools.sh wasm/libc/fetch wasm/libc/build \
	$(filter-out %.mjs,$(wildcard scripts/*)) liburing-patch/fetch liburing-patch/update liburing-patch/tree.sh \
	$(addprefix kernel-patch/,fetch build boot init check-opcodes)
