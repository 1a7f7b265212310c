/** The initial stack of a program, as Linux lays it out. */

const AUXILIARY = { pageSize: 6, random: 25, execfn: 31, secure: 23 } as const;

/** Builds the top of a stack that ends at `end`: `argc`, `argv`, the environment, the auxiliary vector. */
export function stackImage(
  end: number,
  path: string,
  argv: readonly string[],
  environment: readonly string[],
): { readonly bytes: Uint8Array; readonly pointer: number } {
  const strings = [path, ...argv, ...environment].map((string) => Buffer.from(`${string}\0`));
  const random = crypto.getRandomValues(new Uint8Array(16));
  const text = Buffer.concat([...strings, random]);
  const textStart = (end - text.length) & ~15;
  const addresses: number[] = [];
  let at = textStart >>> 0;
  for (const string of strings) {
    addresses.push(at);
    at += string.length;
  }
  const [execfn = 0, ...rest] = addresses;
  const words = [
    argv.length,
    ...rest.slice(0, argv.length),
    0,
    ...rest.slice(argv.length),
    0,
    ...[AUXILIARY.pageSize, 4096, AUXILIARY.secure, 0, AUXILIARY.random, at, AUXILIARY.execfn, execfn, 0, 0],
  ];
  const pointer = ((textStart >>> 0) - words.length * 8) & ~15;
  const bytes = new Uint8Array(end - (pointer >>> 0));
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setBigUint64(i * 8, BigInt(word), true);
  bytes.set(text, (textStart >>> 0) - (pointer >>> 0));
  return { bytes, pointer: pointer >>> 0 };
}
