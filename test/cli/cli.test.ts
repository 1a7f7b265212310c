/** The command line tool, as scripts see it: where it writes, and how it exits. */
import { spawn, spawnSync } from 'node:child_process';
import { execPath } from 'node:process';
import { afterAll, describe, expect, it } from 'vitest';
import { toC } from '../../src/cli/initializer.js';
import { decode, type Encoder, encoders, loadEncoder } from '../../src/encode.js';
import { cli, entry } from '../support/cli.js';
import { compileDeny } from '../support/deny.js';
import { compileC, root } from '../support/subprocess.js';

const { encode }: Encoder = await loadEncoder();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const READ = ['io_uring_prep_read', 'fd=3', 'buf=0x1000', 'nbytes=4096', 'offset=0'];
const READ_HEX = hex(encode('io_uring_prep_read', { fd: 3, buf: 0x1000, nbytes: 4096, offset: 0 }));

/** Runs the tool, expects success and silence on stderr, and returns the output. */
function ok(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = cli(args, { input });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/** Runs the tool, expects a refusal in one sentence, and returns that. */
function refused(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = cli(args, { input });
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^liburing-wasm: [^\n]+\n$/);
  return stderr.slice('liburing-wasm: '.length, -1);
}

describe('help', () => {
  it('exists for every command', () => {
    const list = ok(['--help']);
    for (const command of ['probe', 'encode', 'decode', 'diff', 'vectors']) {
      expect(list).toMatch(new RegExp(`^  ${command} +\\w`, 'm'));
      expect(ok([command, '--help'])).toMatch(new RegExp(`^usage: liburing-wasm ${command} `));
      expect(ok(['help', command])).toBe(ok([command, '--help']));
    }
  });

  it('goes to stderr when no command is given', () => {
    expect(cli([])).toMatchObject({ status: 2, stdout: '', stderr: ok(['--help']) });
  });

  it('names the versions', () => {
    expect(ok(['--version'])).toMatch(/^liburing-wasm \d+\.\d+\.\d+ \(liburing \d+\.\d+\)\n$/);
  });

  it('suggests the nearest command and option', () => {
    expect(refused(['decod'])).toBe('there is no command decod; do you mean decode?');
    expect(refused(['--vesion'])).toBe('there is no option --vesion; do you mean --version?');
    expect(refused(['probe', '--jason'])).toBe("Unknown option '--jason'");
    expect(refused(['probe', 'now'])).toBe('probe takes no arguments, and now is one');
  });
});

describe('encode', () => {
  it('writes hex', () => {
    expect(ok(['encode', ...READ])).toBe(`${READ_HEX}\n`);
    expect(ok(['encode', 'io_uring_prep_nop128']).trim()).toHaveLength(256);
  });

  it("takes numbers of all bases, and C's names", () => {
    const openat = (...args: string[]): string => ok(['encode', 'io_uring_prep_openat', 'path=0x1000', ...args]);
    expect(openat('dfd=AT_FDCWD', 'flags=O_RDWR|O_CREAT', 'mode=0o644')).toBe(
      openat('dfd=-100', 'flags=0x42', 'mode=420'),
    );
    expect(openat('dfd=0', 'flags=0b1000010', 'mode=0')).toBe(openat('dfd=0', 'flags=66', 'mode=0'));
    expect(ok(['encode', 'io_uring_prep_rw', 'op=IORING_OP_READ', 'fd=-1', 'addr=NULL', 'len=1', 'offset=0'])).toBe(
      ok(['encode', 'io_uring_prep_read', 'fd=-1', 'buf=0', 'nbytes=1', 'offset=0']),
    );
  });

  it('is exact to 64 bits', () => {
    const { fields } = JSON.parse(
      ok(['encode', '--json', 'io_uring_prep_read', 'fd=3', 'buf=0', 'nbytes=1', 'offset=18446744073709551614']),
    ) as { fields: { name: string; value: string }[] };
    expect(fields.find(({ name }) => name === 'off')?.value).toBe('18446744073709551614');
  });

  it('applies several calls to one SQE', () => {
    const first = encode('io_uring_prep_read', { fd: 3, buf: 0x1000, nbytes: 4096, offset: 0 });
    const second = encode('io_uring_sqe_set_flags', { flags: 0x14 }, first);
    const third = encode('io_uring_sqe_set_data64', { data: 7 }, second);
    const setters = ['+', 'io_uring_sqe_set_flags', 'flags=IOSQE_IO_LINK|IOSQE_ASYNC'];
    expect(ok(['encode', ...READ, ...setters, '+', 'io_uring_sqe_set_data64', 'data=7'])).toBe(`${hex(third)}\n`);
  });

  it('shows the members as decode does', () => {
    expect(ok(['encode', '--fields', ...READ])).toBe(ok(['decode', READ_HEX]));
    expect(ok(['encode', '--json', ...READ])).toBe(ok(['decode', '--json', READ_HEX]));
  });

  it.each([
    [['encode'], 'which function? Its name is missing'],
    [['encode', 'io_uring_prep_raed'], 'there is no function io_uring_prep_raed; do you mean io_uring_prep_read?'],
    [['encode', ...READ.slice(0, 4)], 'io_uring_prep_read lacks its argument offset (__u64)'],
    [['encode', ...READ, 'x=1'], 'io_uring_prep_read has no argument x; it has fd, buf, nbytes, offset'],
    [['encode', ...READ, 'fd=4'], 'io_uring_prep_read is given its argument fd twice'],
    [['encode', 'fd=3', 'io_uring_prep_read'], 'the name of a function has to come before fd=3'],
    [['encode', ...READ, '+'], 'a + needs a function on each side'],
    [['encode', ...READ, '7'], '"7" is no argument: they are written as name=value'],
    [
      ['encode', 'io_uring_prep_close', 'fd=2147483648'],
      /fd is 2147483648, and C's int goes from -2147483648 to 2147483647/,
    ],
    [['encode', 'io_uring_prep_close', 'fd=three'], /^fd is three, a constant that is not known; do you mean \w+\?$/],
    [
      ['encode', 'io_uring_prep_close', 'fd=AT_FDCDW'],
      'fd is AT_FDCDW, a constant that is not known; do you mean AT_FDCWD?',
    ],
    [['encode', 'io_uring_prep_close', 'fd='], 'fd is "", which is neither a number nor a constant of C\'s'],
    [['encode', 'io_uring_prep_close', 'fd=1.5'], 'fd is "1.5", which is neither a number nor a constant of C\'s'],
    [['encode', 'io_uring_prep_close', 'fd=010'], 'fd is 010, which C reads as octal: write 0o10, or no 0'],
    [
      ['encode', 'io_uring_prep_send', 'sockfd=1', 'buf=-1', 'len=1', 'flags=0'],
      /^buf is -1, and an address goes from 0 to /,
    ],
    [['encode', '--c', '--json', ...READ], '--fields, --json and --c are one or the other'],
  ])('refuses %j', (args, sentence) => {
    expect(refused(args)).toMatch(sentence);
  });
});

describe('encode --c', () => {
  it('writes what people would write', () => {
    const flags = ['+', 'io_uring_sqe_set_flags', 'flags=IOSQE_ASYNC|IOSQE_IO_LINK'];
    expect(ok(['encode', '--c', ...READ, ...flags])).toBe(`struct io_uring_sqe sqe = {
	.opcode = IORING_OP_READ,
	.flags = IOSQE_IO_LINK | IOSQE_ASYNC,
	.fd = 3,
	.addr = 0x1000ULL,
	.len = 4096,
};
`);
  });

  /** Bytes that no prep function writes; the same each time. */
  function* arbitrary(count: number): Generator<Uint8Array> {
    let state = 1;
    const next = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    };
    for (let i = 0; i < count; i++) {
      yield Uint8Array.from({ length: i % 8 === 0 ? 128 : 64 }, (_, at) =>
        at === 0 ? i % 70 : next() % 3 ? next() : 0,
      );
    }
  }

  it('compiles to the same bytes, for all functions and for arbitrary bytes', () => {
    const cases = [...encoders.values()].flatMap(({ name, parameters }) => {
      const wanted = parameters.filter((parameter) => parameter.name !== 'sqe');
      const call = (value: (bits: number, signed: boolean, at: number) => bigint): Uint8Array =>
        encode(
          name,
          Object.fromEntries(
            wanted.map(({ name: key, kind, c, bits = 64, signed = false }, at) => [
              key,
              value(kind === 'pointer' || c === 'size_t' ? 47 : bits, signed, at),
            ]),
          ),
        );
      return [
        call((_, __, at) => BigInt(at + 1)),
        call((bits, signed) => (1n << BigInt(signed ? bits - 1 : bits)) - 1n),
        call((bits, signed) => (signed ? -(1n << BigInt(bits - 1)) : 0n)),
      ];
    });
    const all = [...cases, ...arbitrary(560)];
    const blocks = all.map(
      (bytes, i) => `	{
		${toC(bytes).replaceAll('\n', '\n\t\t')}
		static const unsigned char expected[] = { ${[...bytes].join(', ')} };
		_Static_assert(sizeof(sqe) == sizeof(expected), "");
		if (memcmp(${bytes.length === 64 ? '&' : ''}sqe, expected, sizeof(expected)))
			printf("${i} ");
	}`,
    );
    // gcc would take minutes for one function with all of them
    const functions = blocks.map((block, i) => `static void f${i}(void)\n${block}`);
    const program = compileC(
      `#include <liburing.h>\n#include <stdio.h>\n#include <string.h>\n${functions.join('\n')}
int main(void)
{
${functions.map((_, i) => `	f${i}();`).join('\n')}
	return 0;
}`,
      ['-O0', `-I${root}/build/native/src/include`, `-I${root}/build/liburing/src/include`],
    );
    const { status, stdout } = spawnSync(program.program, { encoding: 'utf8' });
    program.clean();
    const wrong = stdout.trim().split(' ').filter(Boolean).map(Number);
    expect(wrong.map((i) => `${toC(all[i] as Uint8Array)} is not ${hex(all[i] as Uint8Array)}`)).toEqual([]);
    expect(status).toBe(0);
    expect(all.length).toBeGreaterThan(800);
  });
});

describe('decode', () => {
  it('shows members, flags and what should be zero', () => {
    const bytes = Buffer.from(READ_HEX, 'hex');
    bytes[1] = 0x14;
    bytes.writeUInt32LE(7, 44);
    const text = ok(['decode', hex(bytes)]);
    expect(text).toMatch(/^IORING_OP_READ, prepared by io_uring_prep_read\n/);
    expect(text).toMatch(/^1 +1 +flags +20 +IOSQE_IO_LINK\|IOSQE_ASYNC$/m);
    expect(text).toMatch(/^16 +8 +addr +0x1000 +buf$/m);
    expect(text).toMatch(/not zero, though this operation does not use it:\n44 +4 +splice_fd_in +7/);
  });

  it('shows what should be zero beside a member that is narrower than one that overlaps it', () => {
    const bytes = Buffer.from(encode('io_uring_prep_uring_cmd', { cmd_op: 1, fd: 3 }));
    bytes[13] = 1;
    expect(decode(bytes).reserved.map(({ name, value }) => [name, value])).toEqual([['__pad1', 256]]);
  });

  it('shows negative flags in hex, without a sign', () => {
    const bytes = Buffer.from(READ_HEX, 'hex');
    bytes.writeInt32LE(-(2 ** 31), 28);
    expect(ok(['decode', hex(bytes)])).toMatch(/^28 +4 +rw_flags +-2147483648 +0x80000000$/m);
  });

  it('says that an opcode is unknown', () => {
    expect(ok(['decode', 'ff'.repeat(64)])).toMatch(/^opcode 255, which this liburing does not know\n/);
  });

  it('takes hex as people paste it', () => {
    const expected = ok(['decode', READ_HEX]);
    const spaced = READ_HEX.replace(/../g, '$& ');
    expect(ok(['decode', spaced])).toBe(expected);
    expect(ok(['decode', ...spaced.trim().split(' ')])).toBe(expected);
    expect(ok(['decode', `0x${READ_HEX.toUpperCase()}`])).toBe(expected);
    expect(ok(['decode', '-'], `${READ_HEX.replace(/.{32}/g, '$&\n')}\n`)).toBe(expected);
    expect(ok(['decode', READ_HEX.replace(/../g, '0x$& ')])).toBe(expected);
  });

  it('writes the same as JSON, exactly', () => {
    const bytes = Buffer.from(READ_HEX, 'hex');
    bytes.writeBigUInt64LE(0xffff_ffff_ffff_fffen, 32);
    const parsed = JSON.parse(ok(['decode', '--json', hex(bytes)])) as { fields: { name: string; value: string }[] };
    expect(parsed).toMatchObject({ hex: hex(bytes), opcode: 22, name: 'IORING_OP_READ', reserved: [] });
    expect(parsed.fields.map(({ name, value }) => [name, value])).toEqual(
      decode(bytes).fields.map(({ name, value }) => [name, String(value)]),
    );
  });

  it.each([
    [[], 'decode what? Give hex digits, or - to read them from stdin'],
    [['16'.repeat(63)], 'the hex has 63 bytes, and an SQE has 64, or 128 if it is a big one'],
    [[READ_HEX.slice(1)], 'the hex has 127 digits, an odd number: an SQE has 128, or 256 if it is a big one'],
    [[`${READ_HEX.slice(0, 9)}g${READ_HEX.slice(10)}`], 'the hex has "g" in it, after 9 digits, which is no hex digit'],
    [[''], 'the hex has 0 bytes, and an SQE has 64, or 128 if it is a big one'],
  ])('refuses %j', (args, sentence) => {
    expect(refused(['decode', ...args])).toBe(sentence);
  });

  it('refuses an empty stdin', () => {
    expect(refused(['decode', '-'])).toMatch(/^the hex has 0 bytes/);
  });
});

describe('diff', () => {
  const other = hex(encode('io_uring_prep_read', { fd: 4, buf: 0x1000, nbytes: 4096, offset: 0 }));

  it('prints nothing for equal SQEs', () => {
    expect(ok(['diff', READ_HEX, READ_HEX])).toBe('');
    expect(ok(['diff', '--json', READ_HEX, READ_HEX])).toBe('[]\n');
  });

  it('names the members that differ, and exits with 1', () => {
    const { status, stdout, stderr } = cli(['diff', READ_HEX, other]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(stdout).toMatch(/^4 +fd +3 \(0x3\) +4 \(0x4\)$/m);
    expect(JSON.parse(cli(['diff', '--json', READ_HEX, other]).stdout)).toEqual([
      { name: 'fd', offset: 4, a: '3', b: '4' },
    ]);
  });

  it('refuses what cannot be compared', () => {
    expect(refused(['diff', READ_HEX])).toMatch(/^diff compares two SQEs, and 1 are given/);
    expect(refused(['diff', READ_HEX, '00'.repeat(128)])).toBe('SQEs of 64 and 128 bytes cannot be compared');
    expect(refused(['diff', READ_HEX, 'xx'])).toMatch(/^the second hex has "x" in it/);
  });
});

describe('probe', () => {
  interface Found {
    works: boolean;
    reason?: string;
    setupFlags: { name: string; supported: boolean; error?: string }[];
    features: { name: string; supported: boolean }[];
    opcodes: { opcode: number; name: string; supported: boolean }[];
    window: { start: number; end: number } | null;
    limits: { maxEntries?: number; memlock?: { soft: string; hard: string } };
  }

  it('reports what this kernel supports', () => {
    const found = JSON.parse(ok(['probe', '--json'])) as Found;
    expect(found.works).toBe(true);
    const supported = (list: { name: string; supported: boolean }[]): string[] =>
      list.filter((each) => each.supported).map(({ name }) => name);
    expect(supported(found.setupFlags)).toEqual(
      expect.arrayContaining(['CQSIZE', 'SQPOLL', 'SQ_AFF', 'ATTACH_WQ'].map((name) => `IORING_SETUP_${name}`)),
    );
    for (const { error } of found.setupFlags) expect(error).toBeUndefined();
    expect(supported(found.features)).toContain('IORING_FEAT_NODROP');
    expect(supported(found.opcodes)).toContain('IORING_OP_READ');
    expect(supported(found.opcodes)).not.toContain('IORING_OP_ZERO');
    expect(found.limits.maxEntries).toBeGreaterThanOrEqual(64);
    expect(found.limits.memlock?.soft).toMatch(/^(\d+|unlimited)$/);
    expect(found.window?.end).toBeLessThanOrEqual(2 ** 32);
  });

  it('shows it as a table', () => {
    const text = ok(['probe']);
    expect(text).toMatch(/^io_uring +works$/m);
    expect(text).toMatch(/^ {2}IORING_SETUP_DEFER_TASKRUN +yes +tried with IORING_SETUP_SINGLE_ISSUER$/m);
    expect(text).toMatch(/^ {2}IORING_OP_READ +yes +22$/m);
  });

  const deny = compileDeny();
  afterAll(() => deny.clean());

  it('says why io_uring does not work, and exits with 1', () => {
    const prefix = [deny.program, '425', '1']; // io_uring_setup: EPERM
    const { status, stdout, stderr } = cli(['probe'], { prefix });
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(stdout).toMatch(/^io_uring +does not work: EPERM: .*io_uring/m);
    const found = JSON.parse(cli(['probe', '--json'], { prefix }).stdout) as Found;
    expect(found).toMatchObject({ works: false, reason: expect.stringContaining('EPERM'), opcodes: [] });
  });

  it('says why where there is no window either', () => {
    const { status, stdout } = cli(['probe', '--json'], { prefix: [deny.program, '319', '38'] }); // memfd_create: ENOSYS
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ works: false, window: null, reason: expect.stringContaining('ENOSYS') });
  });
});

describe('in a pipe', () => {
  it('tolerates a reader that has gone', async () => {
    const child = spawn(execPath, [entry, 'vectors'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdout.once('data', () => child.stdout.destroy());
    const [code, signal] = await new Promise<[number | null, string | null]>((done) => {
      child.on('close', (...how) => done(how));
    });
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  });

  it('writes everything, and no colours', () => {
    const text = ok(['vectors']);
    expect(text.endsWith(']}\n')).toBe(true);
    expect(ok(['probe'])).not.toContain('\u001b');
  });
});
