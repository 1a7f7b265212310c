/* SPDX-License-Identifier: MIT */
/*
 * Description: adds nothing to linux/swab.h; the x86 header is inline assembly.
 */
