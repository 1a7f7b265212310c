/** Every operation of a ring, on this kernel: it succeeds, and it fails with the kernel's error. */
import './operations/nop.js';
import './operations/files.js';
import './operations/paths.js';
import './operations/attributes.js';
import './operations/sockets.js';
import './operations/addresses.js';
import './operations/zero-copy.js';
import './operations/pipes.js';
import './operations/poll.js';
import './operations/timeouts.js';
import './operations/cancel.js';
import './operations/direct.js';
import './operations/registered-buffers.js';
import './operations/provided-buffers.js';
import './operations/messages.js';
import './operations/processes.js';
import './operations/commands.js';
import './operations/multishot.js';
import { describe, expect, it } from 'vitest';
import { operationNames, seen } from '../support/observed.js';

describe('all operations', () => {
  it('were seen to succeed, unless this kernel lacks them', () => {
    const missing = operationNames.filter((name) => !seen.success.has(name) && !seen.absent.has(name));
    expect(missing).toEqual([]);
    expect(operationNames.length).toBeGreaterThan(100);
  });

  it('were seen to fail with an expected error', () => {
    expect(operationNames.filter((name) => !seen.error.has(name))).toEqual([]);
  });
});
