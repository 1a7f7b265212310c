/* SPDX-License-Identifier: MIT */
/*
 * Description: struct epoll_event has 12 bytes on x86-64. musl packs it only if
 * the compiler defines x86-64.
 */
#ifndef LIBURING_WASM_SYS_EPOLL_H
#define LIBURING_WASM_SYS_EPOLL_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/types.h>

#pragma pack(push, 4)
#include_next <sys/epoll.h>
#pragma pack(pop)

#endif
