/** kernel-patch/boot: what comes back from the guest, and what does not. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { root } from '../support/subprocess.js';
import { boot, kernel, run } from './boot.js';

const [, version = ''] = readFileSync(join(kernel, 'origin'), 'utf8').trim().split(' ');

describe('boot', { timeout: 300_000 }, () => {
  it('runs the commands of file_with_stuff', async () => {
    const story = `
      for disk in ext4 xfs; do
        printf 1234567890 > /mnt/$disk/file_with_stuff
        hexdump -C /mnt/$disk/file_with_stuff
        node build/examples/zero.js /mnt/$disk/file_with_stuff
        hexdump -C /mnt/$disk/file_with_stuff
      done`;
    const start = performance.now();
    const { status, stdout, stderr } = await boot(kernel, ['sh', '-c', story]);
    // less than 60 seconds on a machine that does nothing else
    console.log(`from boot to result, on both file systems: ${((performance.now() - start) / 1000).toFixed(1)} s`);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const once = [
      '00000000  31 32 33 34 35 36 37 38  39 30                    |1234567890|',
      '0000000a',
      'before: 31 32 33 34 35 36 37 38 39 30 ',
      'after:  00 00 00 00 00 36 37 38 39 30 ',
      '00000000  00 00 00 00 00 36 37 38  39 30                    |.....67890|',
      '0000000a',
    ];
    expect(stdout.split('\n')).toEqual([...once, ...once, '']);
  });

  it('returns exit code, output and files, and runs the given kernel', async () => {
    const out = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
    onTestFinished(() => rmSync(out, { recursive: true }));
    const script = 'uname -r; echo "$WORD" >&2; pwd; echo file > /mnt/out/file; exit 7';
    const { status, stdout, stderr } = await boot(kernel, ['sh', '-c', script], { out, env: { WORD: "it's $HOME" } });
    const [running = '', folder] = stdout.split('\n');
    expect(version.startsWith(running)).toBe(true);
    expect(running).not.toBe(release());
    expect(`${folder}/`).toBe(root);
    expect(stderr).toBe("it's $HOME\n");
    expect(readFileSync(join(out, 'file'), 'latin1')).toBe('file\n');
    expect(status).toBe(7);
  });

  it("keeps the guest from writing to this machine's files", async () => {
    const script = 'for at in . /etc /usr/bin; do touch $at/from-guest 2>&1; done; touch /tmp/from-guest && echo fine';
    const { stdout } = await boot(kernel, ['sh', '-c', script]);
    expect(stdout.match(/Read-only file system/g)).toHaveLength(3);
    expect(stdout).toMatch(/^fine$/m);
    expect(existsSync('/tmp/from-guest')).toBe(false);
  });

  it('ends a guest that does not end by itself', async () => {
    const { status, stderr } = await boot(kernel, ['sleep', '1000'], { timeout: 10 });
    expect(stderr).toContain('boot: no end after 10 s');
    expect(status).toBe(124);
  });

  it('reports a guest that does not boot', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const { status, stderr } = await run(join(root, 'kernel-patch/boot'), [join(folder, 'bzImage'), 'true']);
    expect(stderr).toBe(`boot: ${folder}/bzImage is no kernel; make kernel makes one\n`);
    expect(status).toBe(125);
  });

  it('opens a shell', async () => {
    const child = spawn(join(root, 'kernel-patch/boot'), ['--shell', join(kernel, 'bzImage')], { cwd: root });
    let screen = '';
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      // the guest's line discipline drops input that comes before the prompt
      const before = screen.includes('# ');
      screen += text;
      if (!before && screen.includes('# ')) child.stdin.write('uname -r; echo stat""us $((6 * 7)); exit\n');
    });
    const status = await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
    expect(screen).toContain(`${version.replace(/-.*/, '')}\r\nstatus 42\r\n`);
    expect(status).toBe(0);
  });
});
