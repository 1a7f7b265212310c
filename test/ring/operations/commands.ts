/** IORING_OP_URING_CMD: of sockets, of block devices. */
import { spawnSync } from 'node:child_process';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type io_uring_sqe,
  SOCKET_URING_OP_GETSOCKOPT,
  SOCKET_URING_OP_SETSOCKOPT,
  SOCKET_URING_OP_SIOCINQ,
  SOCKET_URING_OP_SIOCOUTQ,
} from '../../../src/c.js';
import { AF_INET, SO_REUSEADDR, SO_TYPE, SOCK_STREAM, SOL_SOCKET } from '../../../src/linux.js';
import { fails, ifPresent, openRing } from '../../support/observed.js';
import { newPath } from '../../support/scratch.js';
import { closing, connection, listen } from '../../support/sockets.js';

describe('commands of sockets', () => {
  it('cmd_sock sets and gets options', async () => {
    const ring = openRing();
    const fd = closing(await ring.socket(AF_INET, SOCK_STREAM));
    const value = Int32Array.of(0);
    expect(await ring.cmd_sock(SOCKET_URING_OP_GETSOCKOPT, fd, SOL_SOCKET, SO_TYPE, value)).toBe(4);
    expect(value[0]).toBe(SOCK_STREAM);
    expect(await ring.cmd_sock(SOCKET_URING_OP_SETSOCKOPT, fd, SOL_SOCKET, SO_REUSEADDR, Int32Array.of(1))).toBe(0);
    expect(await ring.cmd_sock(SOCKET_URING_OP_GETSOCKOPT, fd, SOL_SOCKET, SO_REUSEADDR, value)).toBe(4);
    expect(value[0]).toBe(1);
    await fails(ring.cmd_sock(SOCKET_URING_OP_GETSOCKOPT, fd, SOL_SOCKET, 9999, value), 'ENOPROTOOPT');
    await fails(ring.cmd_sock(SOCKET_URING_OP_GETSOCKOPT, fd, AF_INET + 100, 1, value), 'EOPNOTSUPP');
    await fails(ring.cmd_sock(SOCKET_URING_OP_SETSOCKOPT, fd, SOL_SOCKET, SO_REUSEADDR, value, 1), 'EINVAL');
  });

  it('cmd_sock of a direct descriptor', async () => {
    const ring = openRing();
    ring.registerFiles(2);
    const file = await ring.socket_direct_alloc(AF_INET, SOCK_STREAM);
    const value = Int32Array.of(0);
    expect(await ring.cmd_sock(SOCKET_URING_OP_GETSOCKOPT, file, SOL_SOCKET, SO_TYPE, value)).toBe(4);
    expect(value[0]).toBe(SOCK_STREAM);
  });

  it('uring_cmd', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    await ring.send(client, Buffer.from('12345'));
    await ring.poll_add(server, 1);
    expect(await ring.uring_cmd(SOCKET_URING_OP_SIOCINQ, server)).toBe(5);
    expect(await ring.uring_cmd(SOCKET_URING_OP_SIOCOUTQ, server)).toBe(0);
    await fails(ring.uring_cmd(9999, server), 'EOPNOTSUPP');
    await fails(ring.uring_cmd(0, closing(await ring.open('/etc/passwd'))), 'EOPNOTSUPP');
  });

  it('uring_cmd128, in a ring of big SQEs', async (context) => {
    const ring = openRing({ sqe128: true });
    const [client, server] = await connection(ring);
    await ring.send(client, Buffer.from('12345'));
    await ring.poll_add(server, 1);
    const unknown = (sqe: io_uring_sqe): void => {
      sqe.ioprio = 0xffff;
    };
    await fails(ring.uring_cmd128(SOCKET_URING_OP_SIOCINQ, server, { editSqe: unknown }), 'EINVAL');
    expect(await ifPresent(context, ring.uring_cmd128(SOCKET_URING_OP_SIOCINQ, server), 'EINVAL')).toBe(5);
  });

  it('cmd_getsockname', async (context) => {
    const ring = openRing();
    const { fd, port } = await listen(ring);
    await fails(ring.cmd_getsockname(-1), 'EBADF');
    const address = await ifPresent(context, ring.cmd_getsockname(fd), 'EOPNOTSUPP');
    expect(address).toEqual({ address: '127.0.0.1', port });
    await fails(ring.cmd_getsockname(fd, 1), 'ENOTCONN');
  });
});

describe('commands of block devices', () => {
  it('cmd_discard', async (context) => {
    const ring = openRing();
    await fails(ring.cmd_discard(closing(await ring.open('/etc/passwd')), 0, 4096), 'EOPNOTSUPP');
    const path = newPath();
    writeFileSync(path, Buffer.alloc(1 << 20, 'x'));
    const { status, stdout } = spawnSync('losetup', ['--find', '--show', path], { encoding: 'utf8' });
    if (status !== 0) {
      // the test would need a loop device, which only root can set up
      return context.skip('there is no loop device for this user');
    }
    const device = stdout.trim();
    onTestFinished(() => void spawnSync('losetup', ['--detach', device]));
    const fd = closing(openSync(device, 'r+'));
    await fails(ring.cmd_discard(fd, 1, 4096), 'EINVAL');
    expect(await ifPresent(context, ring.cmd_discard(fd, 4096, 8192n), 'EOPNOTSUPP', 'EINVAL')).toBe(0);
    const contents = readFileSync(path);
    expect(contents.subarray(4096, 12288).equals(Buffer.alloc(8192))).toBe(true);
    expect(contents[4095]).toBe(0x78);
    expect(contents[12288]).toBe(0x78);
  });
});
