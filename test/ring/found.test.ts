/** What users of Ring ran into. */
import { expect, it } from 'vitest';
import { EBADF, ECANCELED, ETIME } from '../../src/generated/linux.js';
import { RequestHandle, Ring } from '../../src/index.js';

const skipSuccess = true;

it('a timeout that expires is no failure of its chain', async () => {
  await using ring = new Ring();
  expect(await ring.chain().timeout(1).nop().submit()).toEqual([-ETIME, 0]);
});

it('a chain ends when a member fails that was to have no completion, and those behind it have none', async () => {
  await using ring = new Ring();
  const chain = ring.chain().nop({ skipSuccess }).close(-1, { skipSuccess }).nop({ skipSuccess }).nop();
  const outcomes = await chain.settle();
  expect(outcomes.map((each) => (each.status === 'rejected' ? each.reason.errno : each.value))).toEqual([
    undefined,
    -EBADF,
    -ECANCELED,
    -ECANCELED,
  ]);
  expect(ring.pending).toBe(0);
});

it('a chain goes on behind a hard link, completion or not', async () => {
  await using ring = new Ring();
  const outcomes = await ring.chain().close(-1, { skipSuccess }).hard().nop({ skipSuccess }).nop().settle();
  expect(outcomes.map((each) => (each.status === 'rejected' ? each.reason.errno : each.value))).toEqual([
    -EBADF,
    undefined,
    0,
  ]);
});

it("a chain's members leave their results in their handles", async () => {
  await using ring = new Ring();
  const handle = new RequestHandle();
  const settled = ring.chain().nop().close(-1, { handle }).nop().settle();
  ring.submitAndWait(3);
  expect(handle.result).toBe(-EBADF);
  await settled;
});
