/** Registered files and direct descriptors. */
import { fstatSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { DirectFile } from '../../../src/index.js';
import { AF_INET, AT_FDCWD, O_CREAT, O_RDWR, O_WRONLY, SOCK_STREAM } from '../../../src/linux.js';
import { openFiles } from '../../support/descriptors.js';
import { fails, openRing } from '../../support/observed.js';
import { newPath } from '../../support/scratch.js';
import { closing, listen } from '../../support/sockets.js';

describe('direct descriptors', () => {
  it('openat_direct, open_direct, openat2_direct, close_direct make no ordinary fd', async () => {
    const ring = openRing();
    const files = ring.registerFiles(4);
    const path = newPath();
    const before = openFiles();
    const file = await ring.openat_direct(AT_FDCWD, path, O_RDWR | O_CREAT, 0o600, files.at(0));
    expect(file).toBe(files.at(0));
    expect(await ring.write(file, Buffer.from('direct'), 6, 0)).toBe(6);
    const others = await Promise.all([ring.open_direct(path), ring.openat2_direct(AT_FDCWD, path, { flags: O_RDWR })]);
    expect(others.map(({ index }) => index).sort()).toEqual([1, 2]);
    const buf = Buffer.alloc(6);
    for (const other of others) {
      expect(await ring.read(other, buf, 6, 0)).toBe(6);
      expect(buf.toString()).toBe('direct');
    }
    expect(openFiles()).toBe(before);
    expect((await ring.openat2_direct(AT_FDCWD, path, {}, files.at(3))).index).toBe(3);
    await fails(ring.open_direct(path), 'ENFILE');
    for (const each of [file, files.at(3), ...others]) expect(await ring.close_direct(each)).toBe(0);
    await fails(ring.close_direct(file), 'EBADF');
    await fails(ring.read(file, buf), 'EBADF');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('fail with the errors of their file', async () => {
    const ring = openRing();
    const files = ring.registerFiles(4);
    await fails(ring.openat_direct(AT_FDCWD, newPath(), O_RDWR), 'ENOENT');
    await fails(ring.open_direct(newPath(), O_RDWR, 0, files.at(1)), 'ENOENT');
    await fails(ring.openat2_direct(AT_FDCWD, newPath(), {}), 'ENOENT');
    await fails(ring.socket_direct(9999, SOCK_STREAM), 'EAFNOSUPPORT');
    await fails(ring.socket_direct_alloc(9999, SOCK_STREAM), 'EAFNOSUPPORT');
  });

  it('socket_direct, socket_direct_alloc, accept_direct', async () => {
    const ring = openRing();
    const files = ring.registerFiles(8);
    const { fd, port } = await listen(ring);
    const address = { address: '127.0.0.1', port };
    const clients = [
      await ring.socket_direct(AF_INET, SOCK_STREAM, 0, files.at(5)),
      await ring.socket_direct_alloc(AF_INET, SOCK_STREAM),
    ];
    expect(clients[0]?.index).toBe(5);
    for (const client of clients) {
      const accepting = ring.accept_direct(fd);
      expect(await ring.connect(client, address)).toBe(0);
      const server = await accepting;
      expect(await ring.send(client, Buffer.from('hello'))).toBe(5);
      const buf = Buffer.alloc(5);
      expect(await ring.recv(server, buf)).toBe(5);
      expect(buf.toString()).toBe('hello');
    }
    await fails(ring.accept_direct(clients[1] as DirectFile), 'EINVAL');
  });

  it('fixed_fd_install makes an ordinary fd', async () => {
    const ring = openRing();
    const files = ring.registerFiles(2);
    const path = newPath();
    const file = await ring.open_direct(path, O_WRONLY | O_CREAT, 0o644, files.at(0));
    const fd = closing(await ring.fixed_fd_install(file));
    expect(fstatSync(fd).ino).toBe(statSync(path).ino);
    await fails(ring.fixed_fd_install(files.at(1)), 'EBADF');
  });

  it('files_update puts fds into slots', async () => {
    const ring = openRing();
    const files = ring.registerFiles(4);
    const path = newPath();
    writeFileSync(path, 'updated');
    const fd = closing(await ring.open(path));
    expect(await ring.files_update(Int32Array.of(fd, -1), 2, 1)).toBe(2);
    const buf = Buffer.alloc(7);
    expect(await ring.read(files.at(1), buf)).toBe(7);
    expect(buf.toString()).toBe('updated');
    await fails(ring.files_update(Int32Array.of(fd), 1, 4), 'EINVAL');
    await fails(ring.files_update(Int32Array.of(999_999), 1, 0), 'EBADF');
  });
});

describe('a file table', () => {
  it('registers fds', async () => {
    const ring = openRing();
    const path = newPath();
    writeFileSync(path, 'table');
    const fd = await ring.open(path);
    const files = ring.registerFiles([-1, fd]);
    await ring.close_fd(fd);
    expect(files.length).toBe(2);
    const buf = Buffer.alloc(10);
    expect(await ring.read(files.at(1), buf)).toBe(5);
    await fails(ring.read(files.at(0), buf), 'EBADF');
    expect(files.update(0, [closing(await ring.open(path))])).toBe(1);
    expect(await ring.read(files.at(0), buf)).toBe(5);
    files.unregister();
    files.unregister();
    await fails(ring.read(files.at(0), buf), 'EBADF');
  });

  it('restricts the slots that the kernel chooses from', async () => {
    const ring = openRing();
    const files = ring.registerFiles(8);
    files.allocRange(5, 2);
    const opened = [await ring.open_direct('/dev/null'), await ring.open_direct('/dev/null')];
    expect(opened.map(({ index }) => index)).toEqual([5, 6]);
    await fails(ring.open_direct('/dev/null'), 'ENFILE');
    expect(() => files.allocRange(7, 9)).toThrow('EINVAL');
  });

  it('refuses wrong arguments', () => {
    const ring = openRing();
    expect(() => ring.registerFiles(0)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => ring.registerFiles([])).toThrow('files must be a number of slots, or a list of fds, not Array');
    expect(() => ring.registerFiles([999_999])).toThrow('EBADF');
    const files = ring.registerFiles(4);
    expect(() => ring.registerFiles(4)).toThrow('EBUSY');
    expect(() => files.at(4)).toThrow('index is 4, and the table has 4 slots');
    expect(() => files.at(1.5)).toThrow(RangeError);
    expect(() => files.update(4, [-1])).toThrow(RangeError);
    expect(() => files.update(2, [-1, -1, -1])).toThrow('EINVAL');
  });

  it('belongs to its ring', async () => {
    const [ring, other] = [openRing(), openRing()];
    const file = ring.registerFiles(4).at(1);
    other.registerFiles(4);
    await expect(other.read(file, Buffer.alloc(1))).rejects.toThrow('fd must be a direct descriptor of the same ring');
    await expect(other.close_direct(file)).rejects.toThrow('file_index must be a direct descriptor of the same ring');
    await expect(other.open_direct('/dev/null', 0, 0, file)).rejects.toThrow('file_index must be a direct descriptor');
    // an ordinary fd and a direct descriptor are not confused
    await expect(ring.close_fd(file as never)).rejects.toThrow(TypeError);
    await expect(ring.close_direct(1 as never)).rejects.toThrow('file_index must be a DirectFile, not 1');
    expect(other.pending).toBe(0);
    expect(await other.nop()).toBe(0);
    expect(readFileSync('/dev/null').length).toBe(0);
  });
});
