/** `make bench` without its measurements: its arguments, its cases, its output. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Case, type Comparison, inC, other, ours, type Program } from '../../bench/case.js';
import { kinds, select } from '../../bench/cases.js';
import { placesIn } from '../../bench/places.js';
import { type Results, resultOf, type Spread } from '../../bench/results.js';
import { root } from '../support/subprocess.js';

const folder = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
afterAll(() => rmSync(folder, { recursive: true }));

function bench(program: string, ...args: string[]) {
  const script = join(root, 'build/bench', `${program}.js`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('the command line', () => {
  it('has help that lists all kinds', () => {
    const { status, stdout } = bench('run', '--help');
    expect(status).toBe(0);
    for (const { name, summary } of kinds) expect(stdout).toContain(`${name.padEnd(8)} ${summary}`);
  });

  it('lists the cases', () => {
    const { status, stdout } = bench('run', '--list', '--what', 'nop/sqpoll,calls/peek');
    expect(status).toBe(0);
    const ids = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    expect(ids).toEqual(['calls/peek', ...['1', '8', '32', '128'].map((batch) => `nop/sqpoll/${batch}`)]);
  });

  it.each([
    [['--what', 'nope'], /^bench: there is no nope; it can be calls, nop, .*\n$/],
    [['--rounds', '4'], /^bench: ROUNDS has to be 5 or more\n$/],
    [['--ms', 'long'], /^bench: MS has to be 1 or more\n$/],
    [['--what', 'calls/peek', '--runtimes', 'ruby'], /^bench: RUNTIMES are node, .*, not ruby\n$/],
    [['--bogus'], /^bench: Unknown option '--bogus'.*\n$/],
  ])('%s is refused in one sentence', (args, sentence) => {
    const { status, stdout, stderr } = bench('run', ...args);
    expect(stderr).toMatch(sentence);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});

describe('the cases', () => {
  const all = select([], placesIn(''));

  it('have unique names, under their kinds', () => {
    const ids = all.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const kind of kinds) for (const { id } of kind.cases(placesIn(''))) expect(id).toMatch(`${kind.name}/`);
  });

  it('run programs that exist', () => {
    const missing = (program: Program): string[] => {
      const file = program.language === 'c' ? `c/${program.name}` : `ts/${program.name}.js`;
      return existsSync(join(root, 'build/bench', file)) ? [] : [file];
    };
    const programs = all.flatMap(({ sides }) => sides.flatMap((side) => [side, side.client ?? side]));
    expect(programs.flatMap(missing)).toEqual([]);
  });
});

describe('the output', () => {
  const out = join(folder, 'bench.json');
  const read = (): Results => JSON.parse(readFileSync(out, 'utf8')) as Results;

  beforeAll(() => {
    const { status, stdout } = bench('run', '--what', 'calls/peek', '--ms', '1', '--out', out);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^io_uring_peek_cqe$/m);
  });

  it('fits its schema', () => {
    const schema = JSON.parse(readFileSync(join(root, 'bench/bench.schema.json'), 'utf8')) as object;
    const validate = new Ajv({ allowUnionTypes: true }).compile(schema);
    expect(validate(read()), JSON.stringify(validate.errors)).toBe(true);
  });

  it('has ratios of samples of the same round', () => {
    const [found] = read().cases;
    const rows = found?.rows ?? [];
    expect(rows.map(({ side }) => side)).toEqual(['C, called', 'C interface', 'C, inlined']);
    const [reference, ours] = rows;
    const ratios = ours?.samples.map((value, round) => Number(reference?.samples[round]) / Number(value)) ?? [];
    expect(ratios).toHaveLength(5);
    expect(reference?.toReference).toBeNull();
    expect(ours?.toReference).toEqual({
      median: ratios.toSorted((a, b) => a - b)[2],
      min: Math.min(...ratios),
      max: Math.max(...ratios),
    });
  });
});

describe('the ratios', () => {
  const node = { kind: 'node', name: 'node 24', command: ['node'], collects: [] } as const;
  const bun = { kind: 'bun', name: 'bun 1', command: ['bun'], collects: [] } as const;
  const reference = inC('C', 'x');
  const await_ = ours('await', 'x');
  const fs = other('fs', 'x');
  const sides: Case['sides'] = [reference, await_, fs];
  const entrants = [
    { side: reference, runtime: null, samples: [10, 20, 30] },
    { side: await_, runtime: node, samples: [20, 20, 20] },
    { side: await_, runtime: bun, samples: [10, 10, 10] },
    { side: fs, runtime: node, samples: [40, 60, 100] },
    { side: fs, runtime: bun, samples: [40, 60, Number.NaN] },
  ];
  const rowsWith = (comparison: Comparison) =>
    resultOf({ id: 'x/y', title: '', unit: 'ns/op', comparison, sides }, entrants).rows;

  it('compare speeds, and say how many times as fast ours are as others in the same runtime', () => {
    const [first, inNode, inBun, fsInNode, fsInBun] = rowsWith('speed');
    expect(first?.toReference).toBeNull();
    expect(inNode?.toReference).toEqual({ median: 1, min: 0.5, max: 1.5 });
    expect(inBun?.toReference).toEqual({ median: 2, min: 1, max: 3 });
    expect(fsInNode?.oursTimes).toEqual({ await: { median: 3, min: 2, max: 5 } });
    expect(inNode?.oursTimes).toEqual({});
    // one round failed
    expect(fsInBun).toMatchObject({ value: null, toReference: null, oursTimes: {}, samples: [40, 60, null] });
  });

  it('compare sizes by ratios, or by differences', () => {
    expect(rowsWith('size')[1]?.toReference).toEqual({ median: 1, min: 2 / 3, max: 2 });
    expect(rowsWith('difference')[1]?.toReference).toEqual({ median: 0, min: -10, max: 10 });
  });
});

describe('publishing', () => {
  const spread = (median: number): Spread => ({ median, min: median / 2, max: 2 * median });
  const row = { samples: [], value: spread(1), oursTimes: {} };
  const results: Results = {
    version: 2,
    date: '',
    machine: { cpu: '', cpus: 2, linux: '6.18', loadBefore: 0 },
    rounds: 5,
    ms: 300,
    cases: [
      {
        id: 'nop/default/32',
        title: '',
        unit: 'ns/op',
        comparison: 'speed',
        reference: 'C',
        rows: [
          { ...row, side: 'C', role: 'C', runtime: '', toReference: null },
          { ...row, side: 'A & <B>', role: 'ours', runtime: 'node 24.0.0', toReference: spread(1) },
          {
            ...row,
            side: 'half',
            role: 'other',
            runtime: 'node 24.0.0',
            toReference: spread(0.5),
            oursTimes: { 'A & <B>': spread(3) },
          },
          { ...row, side: 'elsewhere', role: 'ours', runtime: 'bun 1.0.0', toReference: spread(0.25) },
        ],
      },
    ],
  };
  const input = join(folder, 'results.json');
  const output = join(folder, 'chart.svg');
  const page = join(folder, 'page.md');
  writeFileSync(input, JSON.stringify(results));
  const publish = (runtime: string, from = input) =>
    bench('publish', '--in', from, '--chart', output, '--page', page, '--runtime', runtime);
  beforeEach(() =>
    writeFileSync(page, 'before\n<!-- make bench-chart writes from here -->\nold\n<!-- to here -->\nafter\n'),
  );

  it('draws bars as long as the ratios, of one runtime', () => {
    const { status, stderr } = publish('node 24');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const svg = readFileSync(output, 'utf8');
    const widths = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect(widths).toHaveLength(2);
    expect(widths[1]).toBeCloseTo((widths[0] ?? 0) / 2, 0);
    expect(svg).toContain('A &#38; &#60;B&#62;');
    expect(svg).not.toContain('elsewhere');
  });

  it('puts the ratios into a page, and changes nothing else of it', () => {
    expect(publish('node 24').status).toBe(0);
    const text = readFileSync(page, 'utf8');
    expect(text).toMatch(/^before\n<!-- .* -->\n\n!\[.*\n\nnode 24\.0\.0, Linux 6\.18, /);
    expect(text).toMatch(/\n\n<!-- to here -->\nafter\n$/);
    expect(text).toContain('| A & <B>: **1.00** (0.50 to 2.00) | A & <B>, half: **3.00** (1.50 to 6.00) |');
    expect(text).not.toContain('old');
    expect(text).not.toContain('elsewhere');
  });

  it('names what is missing', () => {
    expect(publish('deno').stderr).toBe('bench-chart: nothing was measured in deno, but in node 24.0.0, bun 1.0.0\n');
    expect(publish('node', join(folder, 'none')).stderr).toMatch(/make bench first\n$/);
    writeFileSync(page, 'no place\n');
    expect(publish('node').stderr).toMatch(/^bench-chart: the page has no <!-- .*\n$/);
  });
});
