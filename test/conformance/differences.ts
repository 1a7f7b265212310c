/** What is known not to be as it is natively. Each entry is checked: one that agrees has to leave. */
export interface KnownDifference {
  /** What it lacks. */
  readonly cause: string;
  /** What would lift it. */
  readonly until: string;
}

export const knownDifferences: Readonly<Record<string, KnownDifference>> = {};
