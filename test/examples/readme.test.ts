/** examples/README.md shows the programs' real sources. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inRoot } from '../support/paths.js';

const readme = readFileSync(inRoot('examples/README.md'), 'utf8');
const blocks = (language: string): string =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(([, text]) => text).join('');
const lines = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');

describe('examples/README.md', () => {
  it('contains all of io_uring-test.c', () => {
    const source = readFileSync(inRoot('build/liburing/examples/io_uring-test.c'), 'utf8');
    expect(lines(blocks('c'))).toEqual(lines(source.slice(source.indexOf('#define QD'))));
  });

  it('contains all of io_uring-test.ts', () => {
    const source = readFileSync(inRoot('examples/io_uring-test.ts'), 'utf8');
    expect(lines(blocks('ts'))).toEqual(lines(source.slice(source.indexOf('const QD'), source.indexOf('if (argv[1]'))));
  });

  it('names each file, and no other', () => {
    const files = readdirSync(inRoot('examples')).filter((name) => name.endsWith('.ts'));
    const linked = [...readme.matchAll(/\]\(([\w-]+\.ts)\)/g)].map(([, name]) => name);
    expect([...new Set(linked)].sort()).toEqual(files.sort());
  });

  it('names every program of liburing but zcrx', () => {
    const programs = readdirSync(inRoot('build/liburing/examples')).filter((name) => /^(?!helpers).*\.c$/.test(name));
    const missing = programs.filter((name) => !readme.includes(`(${name.replace(/c$/, 'ts')})`));
    expect(missing).toEqual(['zcrx.c']);
  });
});
