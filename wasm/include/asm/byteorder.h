/* SPDX-License-Identifier: MIT */
/* Description: wasm is little endian. */
#include <linux/byteorder/little_endian.h>
