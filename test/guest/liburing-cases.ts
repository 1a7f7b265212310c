/** The tests of liburing that the guest runs, and why there. make reads the same list, and builds these. */
import { readFileSync } from 'node:fs';
import { inRoot } from '../support/paths.js';

/** One of liburing's test programs. */
export interface LiburingCase {
  /** Its name in liburing's test/, without `.c`. */
  name: string;
  /** What it needs that the machine outside may lack. */
  needs: string;
  /** Its argument. */
  argument?: string;
  /** It maps huge pages, which programs in wasm cannot. */
  hugePages?: true;
  /** The Linux header that liburing's configure has to find recent enough; without it, the program only skips. */
  header?: 'ublk';
}

/** Add a test to the list when it skips outside for lack of something that the guest has. */
export const cases = JSON.parse(
  readFileSync(inRoot('test/guest/liburing-cases.json'), 'utf8'),
) as readonly LiburingCase[];

/** Why a case cannot run natively; undefined if it can. */
export function whyNot({ header }: LiburingCase): string | undefined {
  if (header === undefined) return undefined;
  return readFileSync(inRoot('build/native/config-host.h'), 'utf8').includes(
    `CONFIG_HAVE_${header.toUpperCase()}_HEADER`,
  )
    ? undefined
    : `the linux/${header}_cmd.h of this machine is too old for it`;
}

/** Why a case cannot run in wasm; undefined if it can. */
export const whyNotInWasm = (one: LiburingCase): string | undefined =>
  one.hugePages ? 'MAP_HUGETLB is ENOMEM in wasm: see docs/programs.md' : whyNot(one);
