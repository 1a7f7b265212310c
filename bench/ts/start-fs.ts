/** A first result of node:fs, for comparison. */
import { stat } from 'node:fs/promises';

await stat('.');
