import { type Case, inC, type Kind, ours } from '../case.js';

const ENTRIES = '256';
const setups = { default: 'default flags', defer: 'SINGLE_ISSUER, DEFER_TASKRUN', sqpoll: 'SQPOLL' };

function nop(setup: keyof typeof setups, batch: string): Case {
  const args = [setup, batch, ENTRIES, '1'];
  const peek = setup === 'default' && batch === '32';
  return {
    id: `nop/${setup}/${batch}`,
    title: `NOP, batches of ${batch}, ${setups[setup]}`,
    unit: 'ns/op',
    comparison: 'speed',
    sides: [
      inC('C', 'nop', 'for_each', ...args, '1'),
      ours('C interface', 'nop', 'for_each', ...args),
      ours('await', 'nop', 'await', ...args),
      // one pair is enough to show the cost of the other way to take completions
      ...(peek
        ? [inC('C, peek_cqe', 'nop', 'peek', ...args, '1'), ours('C interface, peek_cqe', 'nop', 'peek', ...args)]
        : []),
    ],
  };
}

export const nops: Kind = {
  name: 'nop',
  summary: 'requests that do nothing, in batches, with different flags of the ring',
  cases: () =>
    (Object.keys(setups) as (keyof typeof setups)[]).flatMap((setup) =>
      ['1', '8', '32', '128'].map((batch) => nop(setup, batch)),
    ),
};
