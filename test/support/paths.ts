/** Where things are. */
import { fileURLToPath } from 'node:url';

/** A path of a file of the project, given from its root. */
export const inRoot = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
