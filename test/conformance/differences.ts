/** What is known not to be as it is natively. Each entry is checked: one that agrees has to leave. */
export interface KnownDifference {
  /** What it lacks. */
  readonly cause: string;
  /** What would lift it. */
  readonly until: string;
  /** Whether it agrees now and then, as its own native runs differ. */
  readonly sometimes?: true;
}

export const knownDifferences: Readonly<Record<string, KnownDifference>> = {
  socket: {
    cause: 'it closes descriptor 0, which is the ring its thread waits on: natively that has its datagram by then',
    until: "a thread's system calls take no longer than natively, or the test closes what it opened",
    sometimes: true,
  },
  'wq-aff': {
    cause: "it takes for granted that the kernel's threads have the pids next to its own, which Node's threads have",
    until: 'the test asks which threads these are',
    sometimes: true, // it skips natively, too, when another process has got one of the pids
  },
};

/** Tests whose output or operations are a race that each side may win every time, with the cause: the verdict counts. */
export const racing: Readonly<Record<string, string>> = {
  'exit-no-cleanup': 'it exits while its threads may have begun to read once more',
  'futex-kill': 'a child exits at once, whether or not the polling thread has taken its SQE yet',
  'min-timeout': 'it says by how much the clock was late, and tries again what was',
  'min-timeout-wait': 'it says by how much the clock was late, of which it allows three milliseconds',
};
