import { type Case, inC, type Kind, ours } from '../case.js';

const call = (what: string, title: string, variants: Readonly<Record<string, string>>): Case => ({
  id: `calls/${what}`,
  title,
  unit: 'ns/op',
  comparison: 'speed',
  sides: [
    inC('C, called', 'calls', 'call', what),
    ...Object.entries(variants).map(([variant, label]) => ours(label, 'calls', variant)),
    inC('C, inlined', 'calls', 'inline', what),
  ],
});

export const calls: Kind = {
  name: 'calls',
  summary: 'single calls of the C interface: prep, set_data, get_sqe, peek, seen',
  cases: () => [
    call('prep-1', 'io_uring_prep_nop, 1 argument', { 'prep-1': 'C interface' }),
    call('prep-3', 'io_uring_prep_shutdown, 3 arguments', { 'prep-3': 'C interface' }),
    call('prep-5', 'io_uring_prep_read, 5 arguments', {
      'prep-5-window': 'C interface, window memory',
      'prep-5-address': 'C interface, an address',
      'prep-5-buffer': 'C interface, a Buffer',
    }),
    call('prep-7', 'io_uring_prep_splice, 7 arguments', { 'prep-7': 'C interface' }),
    call('set_data', 'io_uring_sqe_set_data64', {
      'set_data-number': 'C interface, a number',
      'set_data-bigint': 'C interface, a bigint',
    }),
    call('get_sqe', 'io_uring_get_sqe', { get_sqe: 'C interface' }),
    call('peek', 'io_uring_peek_cqe', { peek: 'C interface' }),
    call('seen', 'io_uring_cqe_seen', { seen: 'C interface' }),
  ],
};
