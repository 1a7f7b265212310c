/** Where the members of SQEs and CQEs are that are read and written without an accessor, and how big entries are. */
import {
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQE32,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQE128,
} from '../constants/generated/uring.js';
import { offsetOf } from '../memory/struct.js';
import { io_uring_cqe, io_uring_sqe } from '../structs/generated/structs.js';

export const SQE_USER_DATA = offsetOf(io_uring_sqe, 'user_data');
export const CQE_USER_DATA = offsetOf(io_uring_cqe, 'user_data');
export const CQE_RES = offsetOf(io_uring_cqe, 'res');
export const CQE_FLAGS = offsetOf(io_uring_cqe, 'flags');

/** Bytes from one SQE to the next, in a ring with these setup flags. */
export const sqeStride = (setupFlags: number): number => (setupFlags & IORING_SETUP_SQE128 ? 2 : 1) * io_uring_sqe.size;
/** Bytes from one CQE to the next. */
export const cqeStride = (setupFlags: number): number => (setupFlags & IORING_SETUP_CQE32 ? 2 : 1) * io_uring_cqe.size;

/** Bytes of the largest SQE that a ring with these setup flags can have. */
export const largestSqe = (setupFlags: number): number =>
  (setupFlags & (IORING_SETUP_SQE128 | IORING_SETUP_SQE_MIXED) ? 2 : 1) * io_uring_sqe.size;
/** Bytes of the largest CQE. */
export const largestCqe = (setupFlags: number): number =>
  (setupFlags & (IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED) ? 2 : 1) * io_uring_cqe.size;
