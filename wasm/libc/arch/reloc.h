/* SPDX-License-Identifier: MIT */
/*
 * Description: definitions that musl's headers require. There is no dynamic
 * linking.
 */
#define LDSO_ARCH    "wasm64"
#define REL_SYMBOLIC 0
#define REL_OFFSET   0
#define REL_GOT	     0
#define REL_PLT	     0
#define REL_RELATIVE 0
#define REL_COPY     0
#define REL_DTPMOD   0
#define REL_DTPOFF   0
#define REL_TPOFF    0
#define REL_TLSDESC  0

/* a thread unmaps its stack last; the host does that here */
#define CRTJMP(pc, sp) __builtin_trap()
