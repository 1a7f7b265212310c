/** getrlimit(2) and setrlimit(2). */
import { number, syscall } from './syscall.js';

/** struct rlimit */
export interface rlimit {
  cur: bigint;
  max: bigint;
}

export function getrlimit(resource: `RLIMIT_${string}`): rlimit {
  const values = new BigUint64Array(2);
  const ret = syscall('prlimit64', 0, number(resource), null, values);
  if (ret < 0) throw new Error(`getrlimit: ${ret}`);
  return { cur: values[0] as bigint, max: values[1] as bigint };
}

export const setrlimit = (resource: `RLIMIT_${string}`, { cur, max }: rlimit): number =>
  syscall('prlimit64', 0, number(resource), BigUint64Array.of(cur, max), null);
