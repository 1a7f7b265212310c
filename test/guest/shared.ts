/**
 * Tests of other folders that also run in the guest, which has what they skip for outside. Add one here,
 * by its path from the root; where there is no such file (yet), it is reported as skipped.
 */
export const shared: Readonly<Record<string, string>> = {
  'test/examples/kdigest.test.ts': 'AF_ALG hashes',
  'test/course/stable-storage-checksum.test.ts': 'AF_ALG hashes',
  'test/examples/ublk.test.ts': 'ublk',
};
