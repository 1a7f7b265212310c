/* SPDX-License-Identifier: MIT */
/*
 * Description: where the runner enters the module, with the stack as Linux lays
 * it out.
 */
#include <stdint.h>

#include "pthread_impl.h"

/*
 * The compiler names main by its parameters. One of them is there. Taking the
 * addresses gives it, or a stand-in, a place in the function table; and the
 * first place, which is 1 and so SIG_IGN as a handler, must be no program's.
 */
weak int __main_argc_argv(int argc, char **argv);
weak int __original_main(void);
weak int __main_void(void);

int __libc_start_main(int (*)(int, char **, char **), int, char **,
		      void (*)(void), void (*)(void), void (*)(void));

extern char **__environ;

/* No PT_TLS segment, no ELF: __init_tls() and the constructors come from us. */
void __wasm_call_ctors(void);

static int run_main(int argc, char **argv, char **envp)
{
	(void) envp;
	__wasm_call_ctors();
	if (&__main_argc_argv)
		return __main_argc_argv(argc, argv);
	if (&__main_void)
		return __main_void();
	return __original_main();
}

void _start(long *stack);
void _start(long *stack)
{
	__libc_start_main(run_main, (int) stack[0], (char **) (stack + 1), 0, 0,
			  0);
}
