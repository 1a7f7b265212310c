/* SPDX-License-Identifier: MIT */
/*
 * Description: the runner's entry into the module, with the stack as Linux lays
 * it out.
 */
#include <stdint.h>

#include "pthread_impl.h"

/*
 * The compiler names main by its parameters, and one of the two is there.
 * Taking both addresses puts it, or a stand-in, into the function table. So no
 * function of the program has the table's first index, which is 1 and means
 * SIG_IGN as a handler.
 */
weak int __main_argc_argv(int argc, char **argv);
weak int __original_main(void);
weak int __main_void(void);

int __libc_start_main(int (*)(int, char **, char **), int, char **,
		      void (*)(void), void (*)(void), void (*)(void));

extern char **__environ;

/*
 * There is no PT_TLS segment and no ELF: __init_tls() and the constructors are
 * called here.
 */
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
