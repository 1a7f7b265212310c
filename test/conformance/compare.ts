/** Compares what a program did in wasm with what it did natively. */
import type { Outcome } from './job.js';
import type { Counts } from './trace.js';

/** A run, and the operations that reached the kernel. */
export interface Run extends Outcome {
  readonly counts: Counts | undefined;
}

/** Sentences of musl for which glibc has others, as they appear in the tests' output. */
const glibcsWords: readonly (readonly [RegExp, string])[] = [
  [/No error information/g, 'Success'],
  [/Resource temporarily unavailable|Try again/g, 'Resource temporarily unavailable'],
  [/Out of memory/g, 'Cannot allocate memory'],
  [/No such process/g, 'No such process'],
  [/Operation timed out/g, 'Connection timed out'],
  [/Not supported|Operation not supported on socket/g, 'Operation not supported'],
];

/**
 * An output without what varies: addresses, times, pids, fds and other numbers, and the order of lines, which depends
 * on threads.
 */
export function essence(output: string): string {
  let text = output;
  for (const [words, same] of glibcsWords) text = text.replace(words, same);
  return text
    .replace(/0x[0-9a-f]+|\(nil\)/g, '#')
    .replace(/-?\d+(\.\d+)?/g, '#')
    .split('\n')
    .sort()
    .join('\n')
    .trim();
}

/** `READ 3, WRITE 1`. */
export function describeCounts(counts: Counts | undefined): string {
  if (!counts) return '';
  return [...counts]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([opcode, count]) => `${opcode} ${count}`)
    .join(', ');
}

const short = (text: string): string => JSON.stringify(text.length > 160 ? `${text.slice(0, 160)}…` : text);

function differingCounts(native: Counts | undefined, wasm: Counts | undefined): string | undefined {
  if (!native || !wasm || describeCounts(native) === describeCounts(wasm)) return undefined;
  const opcodes = [...new Set([...native.keys(), ...wasm.keys()])].filter(
    (name) => native.get(name) !== wasm.get(name),
  );
  return `operations: ${opcodes.map((name) => `${name} ${wasm.get(name) ?? 0}, natively ${native.get(name) ?? 0}`).join('; ')}`;
}

/**
 * The difference between a run in wasm and the native ones; undefined if there is none.
 *
 * @param verdictOnly - Ignores output and operations.
 */
export function difference(natives: readonly Run[], wasm: Run, verdictOnly: boolean): string | undefined {
  const reasons = natives.map((native) => {
    if (native.verdict !== wasm.verdict) {
      return `${wasm.verdict}, natively ${native.verdict}: ${short(wasm.stderr || wasm.stdout)}`;
    }
    for (const stream of ['stdout', 'stderr'] as const) {
      if (!verdictOnly && essence(native[stream]) !== essence(wasm[stream])) {
        return `${stream}: ${short(wasm[stream])}, natively ${short(native[stream])}`;
      }
    }
    return undefined;
  });
  if (reasons.every((reason) => reason !== undefined)) return reasons[0];
  if (verdictOnly) return undefined;
  // a program whose native runs submit different numbers has no number to compare with
  if (new Set(natives.map(({ counts }) => describeCounts(counts))).size > 1) return undefined;
  return differingCounts(natives[0]?.counts, wasm.counts);
}
