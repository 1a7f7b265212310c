/** Polls and epoll. */
import { readSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { alloc, epoll_event, IORING_POLL_UPDATE_USER_DATA } from '../../../src/c.js';
import { RequestHandle } from '../../../src/index.js';
import { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT, POLLIN, POLLOUT } from '../../../src/linux.js';
import { openEpoll } from '../../support/epoll.js';
import { fails, ifPresent, openRing } from '../../support/observed.js';
import { closing } from '../../support/sockets.js';

describe('poll', () => {
  it('poll_add waits for an event', async () => {
    const ring = openRing();
    const [input, output] = await ring.pipe();
    closing(input);
    closing(output);
    expect(await ring.poll_add(output, POLLIN | POLLOUT)).toBe(POLLOUT);
    const waiting = ring.poll_add(input, POLLIN);
    ring.submit();
    expect(ring.pending).toBe(1);
    writeSync(output, 'x');
    expect(await waiting).toBe(POLLIN);
    await fails(ring.poll_add(-1, POLLIN), 'EBADF');
  });

  it('poll_update changes the events, poll_remove ends it', async () => {
    const ring = openRing();
    const [input, output] = await ring.pipe();
    closing(input);
    closing(output);
    const handle = new RequestHandle();
    const waiting = ring.poll_add(output, POLLIN, { handle });
    ring.submit();
    expect(handle.active).toBe(true);
    expect(await ring.poll_update(handle, POLLOUT)).toBe(0);
    expect(await waiting).toBe(POLLOUT);
    expect(handle.active).toBe(false);
    expect(handle.result).toBe(POLLOUT);

    const removed = ring.poll_add(input, POLLIN, { handle });
    ring.submit();
    const [error] = await Promise.all([fails(removed, 'ECANCELED'), ring.poll_remove(handle)]);
    expect(error).toBeUndefined();
    await fails(ring.poll_remove(handle), 'ENOENT');
    await fails(ring.poll_update(handle, POLLIN), 'ENOENT');
    await expect(ring.poll_update(handle, POLLIN, IORING_POLL_UPDATE_USER_DATA)).rejects.toThrow(
      /^flags must be without IORING_POLL_UPDATE_USER_DATA/,
    );
    expect(ring.pending).toBe(0);
  });
});

describe('epoll', () => {
  it('epoll_ctl and epoll_wait', async (context) => {
    const ring = openRing();
    const epoll = await openEpoll(ring);
    const [input, output] = await ring.pipe();
    closing(input);
    closing(output);
    expect(await ring.epoll_ctl(epoll, input, EPOLL_CTL_ADD, { events: EPOLLIN, data: 2n ** 60n + 1n })).toBe(0);
    await fails(ring.epoll_ctl(epoll, input, EPOLL_CTL_ADD, { events: EPOLLIN }), 'EEXIST');
    await fails(ring.epoll_ctl(epoll, output, EPOLL_CTL_DEL, null), 'ENOENT');
    const events = alloc(epoll_event, 4);
    await fails(ring.epoll_wait(input, events), 'EINVAL');
    await fails(ring.epoll_wait(-1, events), 'EBADF');
    const waiting = ring.epoll_wait(epoll, events);
    ring.submit();
    writeSync(output, 'x');
    expect(await ifPresent(context, waiting, 'EINVAL')).toBe(1);
    expect(events.at(0).events).toBe(EPOLLIN);
    expect(events.at(0).data.u64).toBe(2n ** 60n + 1n);
    readSync(input, Buffer.alloc(1));

    const event = alloc(epoll_event);
    event.events = EPOLLOUT;
    event.data.fd = output;
    expect(await ring.epoll_ctl(epoll, output, EPOLL_CTL_ADD, event)).toBe(0);
    expect(await ring.epoll_wait(epoll, events, 1)).toBe(1);
    expect(events.at(0).data.fd).toBe(output);
    expect(await ring.epoll_ctl(epoll, output, EPOLL_CTL_MOD, { events: 0 })).toBe(0);
    expect(await ring.epoll_ctl(epoll, input, EPOLL_CTL_DEL, null)).toBe(0);
  });
});
