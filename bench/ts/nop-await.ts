/**
 * NOPs, each awaited.
 * Arguments: milliseconds, NOPs in flight.
 */
import { Ring } from 'liburing-wasm';
import { argument, measure } from './harness.js';

const batch = Number(argument(2));
const ring = new Ring();

await measure(async (operations) => {
  for (let done = 0; done < operations; done += batch) {
    const results = [];
    for (let i = 0; i < batch; i++) results.push(ring.nop());
    await Promise.all(results);
  }
});
await ring.close();
