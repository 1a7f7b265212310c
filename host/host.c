/* SPDX-License-Identifier: MIT */
/*
 * Description: the Node-API face of the shim. JavaScript sees three functions,
 * openWindow(size), addressOf(view) and watch(fd, callback, loop).
 */
#include <errno.h>
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>

#include "ring.h"
#include "syscall.h"
#include "watch.h"
#include "window.h"

#define MAX_WINDOW_SIZE 0x80000000UL

/*
 * A window, as JavaScript holds it, and the rings that were set up in it. Each
 * of its functions holds a reference. The window closes when the last one is
 * collected, or when the environment ends: the rings first, with what they have
 * in flight.
 */
struct handle {
	struct window *window; /* NULL once closed */
	struct rings rings;    /* set up in it */
	napi_ref memory;       /* keeps V8 from unmapping what we mapped over */
	int references;
};

static napi_value throw_type(napi_env env, const char *message)
{
	napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
	return NULL;
}

/* An Error with errno and syscall; TypeScript adds its code and advice. */
static napi_value throw_failure(napi_env env, const struct failure *why)
{
	napi_value message, error, number, syscall;

	if (napi_create_string_utf8(env, why->syscall, NAPI_AUTO_LENGTH,
				    &syscall) == napi_ok &&
	    napi_create_string_utf8(env, "the window cannot be mapped",
				    NAPI_AUTO_LENGTH, &message) == napi_ok &&
	    napi_create_error(env, NULL, message, &error) == napi_ok &&
	    napi_create_int32(env, why->error, &number) == napi_ok &&
	    napi_set_named_property(env, error, "errno", number) == napi_ok &&
	    napi_set_named_property(env, error, "syscall", syscall) == napi_ok)
		napi_throw(env, error);
	return NULL;
}

static napi_value number(napi_env env, double value)
{
	napi_value result = NULL;

	napi_create_double(env, value, &result);
	return result;
}

/* A whole number in [0, 2^53), or false with an exception pending. */
static bool get_size(napi_env env, napi_value value, size_t *size)
{
	double d;

	if (napi_get_value_double(env, value, &d) != napi_ok || !(d >= 0) ||
	    d >= 0x1p53 || d != (double) (size_t) d) {
		throw_type(env, "a non-negative integer is expected");
		return false;
	}
	*size = (size_t) d;
	return true;
}

static struct handle *get_call(napi_env env, napi_callback_info info,
			       size_t want, napi_value *argv)
{
	struct handle *h = NULL;
	size_t argc = want;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, (void **) &h) !=
	    napi_ok)
		return NULL;
	if (!h->window) {
		napi_throw_error(env, "ERR_WINDOW_CLOSED",
				 "the window is closed");
		return NULL;
	}
	return h; /* arguments that were not given are undefined */
}

static void close_window(napi_env env, struct handle *h)
{
	if (h->window) {
		rings_close(&h->rings);
		window_close(h->window);
	}
	h->window = NULL;
	if (h->memory)
		napi_delete_reference(env, h->memory);
	h->memory = NULL;
}

/*
 * syscall(block): the number and six arguments are in the window at @block, the
 * result replaces the number. This is what the wasm module imports.
 */
static napi_value host_syscall(napi_env env, napi_callback_info info)
{
	struct handle *h;
	napi_value argv[1];
	uint32_t block;
	long *call;

	h = get_call(env, info, 1, argv);
	if (!h)
		return NULL;
	if (napi_get_value_uint32(env, argv[0], &block) != napi_ok)
		return throw_type(env, "a block's address is expected");
	if (block % sizeof(long) ||
	    !window_contains(h->window, block, 7 * sizeof(long)))
		return throw_type(env, "the block is not in the window");
	call = (long *) (uintptr_t) block;
	call[0] = window_syscall(h->window, &h->rings, call);
	return NULL;
}

/* mmap(length): zeroed pages' address, or -errno. */
static napi_value host_mmap(napi_env env, napi_callback_info info)
{
	struct handle *h;
	napi_value argv[1];
	size_t length;

	h = get_call(env, info, 1, argv);
	if (!h || !get_size(env, argv[0], &length))
		return NULL;
	return number(env, (double) window_mmap(h->window, length));
}

/* munmap(address, length): 0 or -errno. */
static napi_value host_munmap(napi_env env, napi_callback_info info)
{
	struct handle *h;
	napi_value argv[2];
	size_t address, length;

	h = get_call(env, info, 2, argv);
	if (!h || !get_size(env, argv[0], &address) ||
	    !get_size(env, argv[1], &length))
		return NULL;
	if (ring_munmap(&h->rings, address))
		return number(env, 0);
	return number(env, window_munmap(h->window, address, length));
}

/*
 * map(fd, length, prot, offset): as mmap(2) of a ring, a file or a device; the
 * address, or -errno.
 */
static napi_value host_map(napi_env env, napi_callback_info info)
{
	size_t fd, length, prot, offset;
	struct handle *h;
	napi_value argv[4];
	long address;

	h = get_call(env, info, 4, argv);
	if (!h || !get_size(env, argv[0], &fd) ||
	    !get_size(env, argv[1], &length) ||
	    !get_size(env, argv[2], &prot) || !get_size(env, argv[3], &offset))
		return NULL;
	address = ring_mmap(&h->rings, (int) fd, length, offset);
	if (address == -ENODEV)
		address = window_map(h->window, (int) fd, length, (int) prot,
				     (off_t) offset);
	return number(env, (double) address);
}

/* attach(buffer): maps the window over a WebAssembly.Memory's ArrayBuffer. */
static napi_value host_attach(napi_env env, napi_callback_info info)
{
	struct failure why;
	struct handle *h;
	napi_value argv[1];
	size_t length;
	void *data;

	h = get_call(env, info, 1, argv);
	if (!h)
		return NULL;
	if (napi_get_arraybuffer_info(env, argv[0], &data, &length) != napi_ok)
		return throw_type(env, "an ArrayBuffer is expected");
	if (window_attach(h->window, data, length, &why))
		return throw_failure(env, &why);
	napi_create_reference(env, argv[0], 1, &h->memory);
	return NULL;
}

static napi_value host_close(napi_env env, napi_callback_info info)
{
	struct handle *h = NULL;

	if (napi_get_cb_info(env, info, NULL, NULL, NULL, (void **) &h) ==
	    napi_ok)
		close_window(env, h);
	return NULL;
}

static void release(napi_env env, void *data, void *hint)
{
	struct handle *h = data;

	(void) hint;
	if (--h->references)
		return;
	close_window(env, h);
	free(h);
}

static bool add_function(napi_env env, napi_value object, struct handle *h,
			 const char *name, napi_callback callback)
{
	napi_value function;

	if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, h,
				 &function) != napi_ok ||
	    napi_add_finalizer(env, function, h, release, NULL, NULL) !=
		    napi_ok)
		return false;
	h->references++;
	return napi_set_named_property(env, object, name, function) == napi_ok;
}

/* openWindow(size): { start, attach, syscall, mmap, munmap, map, close } */
static napi_value open_window(napi_env env, napi_callback_info info)
{
	struct failure why;
	napi_value argv[1], object;
	size_t argc = 1, size;
	struct handle *h;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok ||
	    !get_size(env, argv[0], &size))
		return NULL;
	if (!size || size % HOST_PAGE_SIZE || size > MAX_WINDOW_SIZE) {
		napi_throw_range_error(
			env, "ERR_OUT_OF_RANGE",
			"a window has a multiple of 4096 bytes, up to 2 GiB");
		return NULL;
	}
	h = calloc(1, sizeof(*h));
	if (!h) {
		why = (struct failure){ -ENOMEM, "malloc" };
		return throw_failure(env, &why);
	}
	h->window = window_open(size, &why);
	if (!h->window) {
		free(h);
		return throw_failure(env, &why);
	}
	h->rings.pages = &h->window->pages;
	h->references = 1; /* this call's, until all functions exist */
	if (napi_create_object(env, &object) != napi_ok ||
	    napi_set_named_property(env, object, "start",
				    number(env, (double) h->window->start)) !=
		    napi_ok ||
	    !add_function(env, object, h, "attach", host_attach) ||
	    !add_function(env, object, h, "syscall", host_syscall) ||
	    !add_function(env, object, h, "mmap", host_mmap) ||
	    !add_function(env, object, h, "munmap", host_munmap) ||
	    !add_function(env, object, h, "map", host_map) ||
	    !add_function(env, object, h, "close", host_close))
		object = NULL;
	release(env, h, NULL);
	return object;
}

/* addressOf(view): where an ArrayBuffer's or a view's first byte is. */
static napi_value address_of(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	size_t argc = 1, length;
	void *data = NULL;
	bool is = false;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return NULL;
	if (napi_is_typedarray(env, argv[0], &is) == napi_ok && is) {
		if (napi_get_typedarray_info(env, argv[0], NULL, NULL, &data,
					     NULL, NULL) != napi_ok)
			return NULL;
	} else if (napi_is_dataview(env, argv[0], &is) == napi_ok && is) {
		if (napi_get_dataview_info(env, argv[0], NULL, &data, NULL,
					   NULL) != napi_ok)
			return NULL;
	} else if (napi_get_arraybuffer_info(env, argv[0], &data, &length) !=
		   napi_ok) {
		return throw_type(
			env,
			"a typed array, DataView or ArrayBuffer is expected");
	}
	return number(env, (double) (uintptr_t) data);
}

static const napi_property_descriptor functions[] = {
	{ "openWindow", NULL, open_window, NULL, NULL, NULL, napi_enumerable,
	  NULL },
	{ "addressOf", NULL, address_of, NULL, NULL, NULL, napi_enumerable,
	  NULL },
	{ "watch", NULL, watch_create, NULL, NULL, NULL, napi_enumerable,
	  NULL },
};

NAPI_MODULE_INIT()
{
	if (napi_define_properties(env, exports,
				   sizeof(functions) / sizeof(*functions),
				   functions) != napi_ok)
		return NULL;
	return exports;
}
