/* SPDX-License-Identifier: MIT */
/* Description: nothing to add to linux/swab.h; the x86 header is inline asm. */
