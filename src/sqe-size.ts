/**
 * How many bytes of SQE a prep function or an operation writes: 128 for those that say so.
 *
 * @internal
 */
export const sqeSizeOf = (name: string): 64 | 128 => (name.endsWith('128') ? 128 : 64);
