/** Import, a ring, and its first completion, awaited. */
import { Ring } from 'liburing-wasm';

const ring = new Ring({ entries: 8 });
await ring.nop();
await ring.close();
