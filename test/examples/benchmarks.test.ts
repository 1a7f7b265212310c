/** The examples that measure: the form of their output, and counts, but no times. */
import { describe, expect, it } from 'vitest';
import {
  both,
  compileChanged,
  freePort,
  isBound,
  type Program,
  port,
  run,
  start,
  temporaryFolder,
} from '../support/programs.js';

const folder = temporaryFolder();

describe.each([
  ['poll-bench', /^requests\/s: (\d+)\n$/],
  ['rsrc-update-bench', /^max updates\/s: (\d+)\n$/],
])('%s', (name, form) => {
  it('counts requests, and reports them like the C program', () => {
    // C's runs for ten seconds; nothing else of it is changed
    const inC = compileChanged(folder, name, 'runtime_ms = 10000;', 'runtime_ms = 300;');
    const ours = run(port(name), ['300']);
    const theirs = run(inC);
    for (const { status, stdout, stderr } of [ours, theirs]) {
      expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
      expect(stderr).toMatch(form);
      // a loop completes 32 requests
      const requests = (Number(form.exec(stderr)?.[1]) * 300) / 1000;
      expect(requests).toBeGreaterThan(32);
      expect(Math.min(requests % 32, 32 - (requests % 32))).toBeLessThan(1);
    }
  });
});

describe.each(both('reg-wait'))('reg-wait in $language', ({ program }) => {
  it('waits for the second that it registered', () => {
    const started = performance.now();
    const { status, stdout, stderr } = run(program);
    expect(performance.now() - started).toBeGreaterThan(1000);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    // both report this on a busy machine
    expect(stderr).toMatch(/^(min_wait_usec should take ~10 msec: \d+\n)?$/);
  });

  it('takes no arguments', () => {
    expect(run(program, ['x'])).toMatchObject({ status: 0, stdout: expect.stringMatching(/: takes no arguments\n$/) });
  });
});

interface Counts {
  packets: number;
  mb: number;
}

describe('send-zerocopy', () => {
  const form = /^packets=(\d+) \(MB=(\d+)\), rps=\d+ \(MB\/s=\d+\)$/m;
  const tooShort = "The run is too short, can't gather stats\n";
  const pairs = both('send-zerocopy').flatMap((rx) => both('send-zerocopy').map((tx) => ({ rx, tx })));

  async function send(rx: Program, tx: Program, receive: string[], list: string[]): Promise<Counts> {
    const number = await freePort();
    const common = ['-4', '-p', `${number}`, '-t', '0'];
    const receiver = start(rx, [...common, '-R', ...receive]);
    const protocol = receive.at(-1) === 'tcp' ? 'tcp' : 'udp';
    await receiver.until(() => isBound(protocol, number), 'a socket to send to');
    const sender = start(tx, [...common, '-D', '127.0.0.1', ...list]);
    const sent = await sender.result();
    expect({ status: sent.status, stderr: sent.stderr }).toEqual({ status: 0, stderr: '' });
    if (protocol === 'tcp') {
      // the receiver measures no time, as in C
      expect(await receiver.result()).toEqual({ status: 0, stdout: tooShort, stderr: '' });
    }
    expect(sent.stdout).toMatch(form);
    const [, packets, mb] = form.exec(sent.stdout) ?? [];
    return { packets: Number(packets), mb: Number(mb) };
  }

  for (const { rx, tx } of pairs.filter(({ rx, tx }) => rx !== tx && rx.language !== tx.language)) {
    it(`sends over TCP from ${tx.language} to ${rx.language}`, async () => {
      const { packets, mb } = await send(rx.program, tx.program, ['tcp'], ['-n', '1', '-s', '10000', 'tcp']);
      expect(packets).toBeGreaterThan(0);
      expect(mb).toBe(Math.floor((packets * 10_000) / (1 << 20)));
    });

    it(`sends over UDP from ${tx.language} to ${rx.language}`, async () => {
      const size = ['-s', '1000'];
      const { packets, mb } = await send(rx.program, tx.program, [...size, 'udp'], ['-n', '8', ...size, 'udp']);
      expect(packets).toBeGreaterThan(0);
      expect(mb).toBe(Math.floor((packets * 1000) / (1 << 20)));
    });
  }

  it.each([
    ['without zero copy', ['-z', '0']],
    ['without registered buffers', ['-b', '0']],
    ['with completions deferred, on one CPU', ['-d', '-C', '0']],
    ['from two threads', ['-T', '2']],
  ])('sends %s', async (_, list) => {
    const [ours] = both('send-zerocopy');
    const threads = list.includes('-T') ? list : [];
    const program = ours?.program as Program;
    const { packets } = await send(program, program, [...threads, 'tcp'], [...list, '-n', '1', 'tcp']);
    expect(packets).toBeGreaterThan(0);
  });

  it.each([
    [[]],
    [['-4', 'sctp']],
    [['-4', '-6', 'tcp']],
    [['-4', '-n', '513', 'tcp']],
    [['-4', '-n', '0', 'udp']],
    [['-4', '-n', '8', '-v', 'tcp']],
    [['-4', '-D', '1.2.3', '-n', '1', 'tcp']],
    [['-6', '-D', ':::1', '-n', '1', 'tcp']],
    [['-4', '-R', '-I', 'lo', 'tcp']],
    [['-4', '-s', '70000', 'udp']],
    [['-4', '-D', '127.0.0.1', '-p', '1', '-n', '1', 'tcp']],
  ])('reports like C for the arguments %j', (list) => {
    const [ours, theirs] = both('send-zerocopy').map(({ program }) => run(program, list));
    const nameless = (text = ''): string => text.replace(/^(Usage:)?\t\S.* <protocol>/gm, '<protocol>');
    expect(ours?.status).toBe(theirs?.status);
    expect(ours?.stderr).toBe(theirs?.stderr);
    expect(nameless(ours?.stdout)).toBe(nameless(theirs?.stdout));
  });
});
