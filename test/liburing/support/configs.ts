/** test/test.h: the kinds of rings that a test is run on. */
import { IORING_SETUP_CQE32, IORING_SETUP_SQ_REWIND, IORING_SETUP_SQE128 } from '../../../src/c.js';

export const io_uring_test_configs = [
  { flags: 0, description: 'default' },
  { flags: IORING_SETUP_SQE128, description: 'large SQE' },
  { flags: IORING_SETUP_CQE32, description: 'large CQE' },
  { flags: IORING_SETUP_SQE128 | IORING_SETUP_CQE32, description: 'large SQE/CQE' },
  { flags: IORING_SETUP_SQ_REWIND, description: 'rewind SQ' },
  { flags: IORING_SETUP_SQ_REWIND | IORING_SETUP_SQE128, description: 'large rewind SQ' },
] as const;
