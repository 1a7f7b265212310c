/** Some of liburing's tests, for the tests of what runs them. The Makefile reads this list, and builds these. */

/** Quick ones, by what they need of a process. defer-taskrun executes itself. */
export const sample = {
  plain: ['nop', 'splice'],
  threads: ['msg-ring', 'thread-exit'],
  signals: ['evfd-short-read', 'sigfd-deadlock'],
  processes: ['across-fork', 'defer-taskrun'],
} as const;
