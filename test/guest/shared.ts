/**
 * Tests of other folders that also run in the guest, as it has what they skip for outside. Add one here, by its path
 * from the root. A path without a file is reported as skipped.
 */
export const shared: Readonly<Record<string, string>> = {
  'test/examples/kdigest.test.ts': 'AF_ALG hashes',
  'test/course/stable-storage-checksum.test.ts': 'AF_ALG hashes',
  'test/examples/ublk.test.ts': 'ublk',
};
