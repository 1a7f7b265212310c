/* SPDX-License-Identifier: MIT */
/* Description: fork(2) and execve(2) of a process that is Node. */
#ifndef LIBURING_WASM_RUN_PROCESS_H
#define LIBURING_WASM_RUN_PROCESS_H

/* @program: its path. @runner: the command that runs another, NULL at the end.
 */
void process_open(const char *program, char *const *runner);

/* Keeps the fds in @list ("0,1,2") open over an execve(2). */
void process_inherit(const char *list);

/*
 * fork(2): the child's id, 0 in the child, or -errno. @mask: the signal mask
 * that the child gets; NULL for the caller's own.
 */
long process_fork(const unsigned long *mask);

/* execve(2): -errno if it fails. */
long process_exec(const char *path, char *const *argv, char *const *envp);

/* readlink(2) or readlinkat(2), as @nr says: /proc/self/exe is the program. */
long process_readlink(const long args[6], long nr);

#endif
