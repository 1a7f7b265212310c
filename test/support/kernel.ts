/** The kernel that the tests run on. */
import { release } from 'node:os';

const [major = 0, minor = 0] = release().split('.').map(Number);

/** Whether it is at least as new as a version, such as 6.12. */
export const kernelHas = (since: `${number}.${number}`): boolean => {
  const [wantedMajor = 0, wantedMinor = 0] = since.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
};
