/** Extended attributes. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fails, ifPresent, openRing } from '../../support/observed.js';
import { newPath } from '../../support/scratch.js';

const XATTR_CREATE = 1;

describe('extended attributes', () => {
  it('setxattr, getxattr, fsetxattr, fgetxattr', async (context) => {
    const ring = openRing();
    const path = newPath();
    writeFileSync(path, '');
    const fd = openSync(path, 'r');
    onTestFinished(() => closeSync(fd));
    const value = Buffer.from('a value');
    // some file systems answer EOPNOTSUPP
    await ifPresent(context, ring.setxattr('user.one', value, path), 'EOPNOTSUPP');
    const buf = Buffer.alloc(100);
    expect(await ring.getxattr('user.one', buf, path)).toBe(value.length);
    expect(buf.subarray(0, value.length)).toEqual(value);
    expect(await ring.fsetxattr(fd, 'user.two', Buffer.from('2'))).toBe(0);
    expect(await ring.fgetxattr(fd, 'user.two', buf)).toBe(1);
    expect(buf.toString('utf8', 0, 1)).toBe('2');
    // only its length
    expect(await ring.fgetxattr(fd, 'user.one', null, 0)).toBe(value.length);
  });

  it('ENODATA, ERANGE, EEXIST', async () => {
    const ring = openRing();
    const path = newPath();
    writeFileSync(path, '');
    const fd = openSync(path, 'r');
    onTestFinished(() => closeSync(fd));
    const value = Buffer.from('a value');
    await fails(ring.getxattr('user.none', value, path), 'ENODATA');
    await fails(ring.fgetxattr(fd, 'user.none', value), 'ENODATA');
    expect(await ring.setxattr('user.one', value, path)).toBe(0);
    await fails(ring.setxattr('user.one', value, path, XATTR_CREATE), 'EEXIST');
    await fails(ring.fsetxattr(fd, 'user.one', value, XATTR_CREATE), 'EEXIST');
    await fails(ring.getxattr('user.one', Buffer.alloc(3), path), 'ERANGE');
    await fails(ring.getxattr('user.one', value, newPath()), 'ENOENT');
  });
});
