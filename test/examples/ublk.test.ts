/** The RAM disk behind ublk, which takes root and a kernel that has ublk, such as the patched one's guest. */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Program, port, type Result, type Running, run, start, temporaryFolder } from '../support/programs.js';

const folder = temporaryFolder();
const hasUblk = existsSync('/dev/ublk-control');
const why = hasUblk ? 'ublk takes root' : 'this kernel has no ublk (CONFIG_BLK_DEV_UBLK)';

/** Runs a command that must succeed. */
function must(command: string, ...list: string[]): string {
  const program: Program = [command];
  const options = { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } };
  const { status, stdout, stderr } = run(program, list, options);
  if (status !== 0) throw new Error(`${command} ${list.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}

/** Starts a disk of some MiB, and returns its device. */
async function disk(mib: number): Promise<{ server: Running; device: string }> {
  const server = start(port('ublk'), [`${mib}`]);
  await server.until(() => server.stdout.includes('\n'), 'a device');
  expect(server.stdout).toMatch(new RegExp(`^/dev/ublkb\\d+: ${mib} MiB\n$`));
  return { server, device: server.stdout.split(':')[0] ?? '' };
}

async function interrupted(server: Running): Promise<Result> {
  server.process.kill('SIGINT');
  return server.result();
}

/** Drops the page cache, so that the next reads come from the device. */
function forget(): void {
  must('sync');
  writeFileSync('/proc/sys/vm/drop_caches', '3');
}

describe('ublk', () => {
  beforeEach(({ skip }) => skip(!hasUblk || getuid?.() !== 0, why));

  it('holds a file system whose file is the same after a second mount', async () => {
    const { server, device } = await disk(32);
    const mounted = join(folder, 'mounted');
    mkdirSync(mounted);
    must('mkfs.ext4', '-q', device);
    must('mount', device, mounted);
    const content = randomBytes(5_000_000);
    writeFileSync(join(mounted, 'file'), content);
    must('umount', mounted);

    forget();
    must('fsck.ext4', '-f', '-n', device);
    must('mount', device, mounted);
    expect(readFileSync(join(mounted, 'file')).equals(content)).toBe(true);
    must('fstrim', mounted);
    must('umount', mounted);
    must('fsck.ext4', '-f', '-n', device);

    expect(await interrupted(server)).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(device)).toBe(false);
  });

  it('holds what is written where it is written, and nothing else', async () => {
    const size = 8 << 20;
    const { server, device } = await disk(8);
    expect(Number(readFileSync(`/sys/class/block/${device.slice(5)}/size`, 'latin1')) * 512).toBe(size);
    const model = Buffer.alloc(size);
    // without the page cache, so that the driver gets each request
    const fd = openSync(device, constants.O_RDWR);
    for (let i = 0; i < 64; i++) {
      const bytes = randomBytes(512 * (1 + (i % 17) * 31));
      const at = 512 * Math.floor((i / 64) * ((size - bytes.length) / 512));
      bytes.copy(model, at);
      writeSync(fd, bytes, 0, bytes.length, at);
    }
    forget();
    const back = Buffer.alloc(size);
    for (let at = 0; at < size; at += 1 << 20) readSync(fd, back, at, 1 << 20, at);
    closeSync(fd);
    const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    expect(digest(back)).toBe(digest(model));
    must('blkdiscard', device);
    forget();
    expect(readFileSync(device).every((byte) => byte === 0)).toBe(true);
    expect(await interrupted(server)).toMatchObject({ status: 0, stderr: '' });
  });

  it('serves two disks at once', async () => {
    const [one, two] = [await disk(1), await disk(2)];
    expect(one.device).not.toBe(two.device);
    must('dd', 'if=/dev/zero', `of=${one.device}`, 'bs=1M', 'count=1', 'oflag=direct');
    for (const { server } of [one, two]) expect(await interrupted(server)).toMatchObject({ status: 0, stderr: '' });
  });
});

it('ublk reports that there is no device', ({ skip }) => {
  skip(hasUblk, 'this kernel has ublk');
  const { status, stdout, stderr } = run(port('ublk'));
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: '/dev/ublk-control: No such file or directory\n',
  });
});

it('ublk requires a size', () => {
  expect(run(port('ublk'), ['x'])).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/: \[MiB\], 1 to 2047\n$/),
  });
});
