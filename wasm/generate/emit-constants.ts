/** Emits constants and the table of error numbers. */
import type { Constant, Model } from './model.js';
import { comment } from './text.js';

const literal = (value: bigint): string =>
  value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER) ? `${value}n` : `${value}`;

export function emitConstants(constants: readonly Constant[], banner: string): string {
  const lines = constants.map(
    (constant) =>
      `${comment([constant.enum ? `\`enum ${constant.enum}\`` : '`#define`'])}\nexport const ${constant.name} = ${literal(constant.value)};`,
  );
  return `// ${banner}\n${lines.join('\n')}\n`;
}

export function emitErrno(model: Model, banner: string): string {
  const rows = new Map(model.errno.map((row) => [row.value, row]));
  // of two names for a number, C's first is the usual one: EAGAIN before EWOULDBLOCK
  for (const row of [...model.errno].reverse()) rows.set(row.value, row);
  const lines = [...rows.values()].map(
    ({ name, value, text }) => `  [${value}, { code: '${name}', text: ${JSON.stringify(text)} }],`,
  );
  return `// ${banner}
/** Names and sentences of Linux's error numbers. */
export const errno: ReadonlyMap<number, { readonly code: string; readonly text: string }> = new Map([
${lines.join('\n')}
]);
`;
}
