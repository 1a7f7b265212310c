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
  // of several names for a number, C's first is the usual one: EAGAIN before EWOULDBLOCK
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

/** `SINGLE_ISSUER` as `singleIssuer`. */
const camelCase = (name: string): string =>
  name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The setup flags of a ring by the names of its options. */
export function emitSetupFlags(constants: readonly Constant[], banner: string): string {
  const prefix = 'IORING_SETUP_';
  const flags = constants.filter(({ name }) => name.startsWith(prefix));
  const lines = flags.map(({ name, value }) => {
    const option = camelCase(name.slice(prefix.length));
    return `${comment([`\`${name}\``], '  ')}\n  ${option}: ${literal(value)},`;
  });
  return `// ${banner}
/** The flags of io_uring_setup(2): IORING_SETUP_SINGLE_ISSUER is \`singleIssuer\`, and so on. */
export const setupFlags = {
${lines.join('\n')}
} as const;
`;
}
