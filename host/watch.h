/* SPDX-License-Identifier: MIT */
/*
 * Description: tells JavaScript when a ring has completions.
 */
#ifndef HOST_WATCH_H
#define HOST_WATCH_H

#include <node_api.h>

/*
 * watch(fd, callback, loop): calls back when @fd becomes readable, or an
 * eventfd of its own if @fd is -1. It polls a duplicate, so @fd may be closed
 * at any time. With @loop, the runtime's own libuv loop polls; without, a
 * thread does. Returns { eventfd, ref, unref, close }.
 */
napi_value watch_create(napi_env env, napi_callback_info info);

#endif
