/** Small pieces of TypeScript source. */

/** Indents lines. Empty ones stay empty. */
export const indent = (lines: readonly string[], by: string): string =>
  lines.map((line) => (line === '' ? '' : by + line)).join('\n');

/** A TSDoc comment. */
export function comment(lines: readonly string[], by = ''): string {
  if (lines.length === 1) return `${by}/** ${lines[0]} */`;
  return `${by}/**\n${lines.map((line) => `${by} *${line === '' ? '' : ` ${line}`}`).join('\n')}\n${by} */`;
}
