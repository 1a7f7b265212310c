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
    cause: "it assumes that the kernel's threads have the pids after its own, but Node's threads have them",
    until: 'the test looks the threads up',
    sometimes: true, // it skips natively, too, when another process has got one of the pids
  },
};

/** Tests whose output or operations are a race, with the cause: only their verdict is compared. */
export const racing: Readonly<Record<string, string>> = {
  'exit-no-cleanup': 'it exits while its threads may have begun another read',
  'futex-kill': 'a child exits at once, whether or not the polling thread has taken its SQE yet',
  'min-timeout': 'it prints how late the clock was, and repeats a case that was late',
  'min-timeout-wait': 'it prints how late the clock was, and allows three milliseconds',
};
