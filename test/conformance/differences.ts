/** Known differences from native runs. Each entry is checked: a test that agrees must be removed from the list. */
export interface KnownDifference {
  /** What is missing. */
  readonly cause: string;
  /** What would remove the difference. */
  readonly until: string;
  /** Whether it agrees sometimes, because its native runs differ, too. */
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

/** Tests whose output or operations are a race, with the cause: only their verdict is compared. */
export const racing: Readonly<Record<string, string>> = {
  'exit-no-cleanup': 'it exits while its threads may have begun to read once more',
  'futex-kill': 'a child exits at once, whether or not the polling thread has taken its SQE yet',
  'min-timeout': 'it says by how much the clock was late, and tries again what was',
  'min-timeout-wait': 'it says by how much the clock was late, of which it allows three milliseconds',
};
