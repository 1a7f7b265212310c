/** Suggestions for misspelt names. */

/** How many letters have to be changed, added or removed to make one word of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The most similar of several words; undefined if there are none. */
export function nearest(word: string, words: Iterable<string>): string | undefined {
  return [...words].map((each) => ({ each, far: distance(word, each) })).sort((a, b) => a.far - b.far)[0]?.each;
}
