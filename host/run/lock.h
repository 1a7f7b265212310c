/* SPDX-License-Identifier: MIT */
/*
 * Description: the lock over what the program's threads share: the pages of its
 * memory, its rings, its signals' actions, the list of its threads.
 */
#ifndef LIBURING_WASM_RUN_LOCK_H
#define LIBURING_WASM_RUN_LOCK_H

/* A thread may take it several times. */
void run_lock(void);
void run_unlock(void);

/*
 * Takes it in the child of a fork. There it is held by the parent's thread,
 * whose id the child's thread does not have.
 */
void run_relock(void);

#endif
