/**
 * Constants of Linux and its C library that liburing's functions take: `O_RDONLY`, `AT_FDCWD`,
 * `POLLIN`, `MSG_WAITALL`, error numbers, and so on, as x86-64 has them.
 *
 * @packageDocumentation
 */
export * from './constants/generated/linux.js';
