/** The port of liburing's test/eventfd-reg.c: test eventfd registration+unregistration. */
import { expect, it } from 'vitest';
import {
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_register_eventfd,
  io_uring_unregister_eventfd,
} from '../../src/c.js';
import { EBUSY, EFD_CLOEXEC } from '../../src/linux.js';
import { eventfd } from './support/events.js';
import { close } from './support/files.js';
import { newParams, newRing } from './support/rings.js';

it('main', () => {
  const ring = newRing();
  expect(io_uring_queue_init_params(8, ring, newParams())).toBe(0);

  const evfd = [eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC)] as const;
  expect(Math.min(...evfd)).toBeGreaterThanOrEqual(0);

  expect(io_uring_register_eventfd(ring, evfd[0])).toBe(0);

  /* Check that registering again will get -EBUSY */
  expect(io_uring_register_eventfd(ring, evfd[1])).toBe(-EBUSY);
  close(evfd[1]);

  expect(io_uring_unregister_eventfd(ring)).toBe(0);

  /* loop 100 registers/unregister */
  for (let i = 0; i < 100; i++) {
    expect(io_uring_register_eventfd(ring, evfd[0])).toBe(0);
    expect(io_uring_unregister_eventfd(ring)).toBe(0);
  }

  close(evfd[0]);
  io_uring_queue_exit(ring);
});
