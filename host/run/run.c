/* SPDX-License-Identifier: MIT */
/*
 * Description: the runner's Node-API face. See src/run/host.ts for the types.
 *
 * The runner gives a C program in wasm a whole process. All of the program's
 * memory is at the same addresses in the process, and its system calls are made
 * as they are, but for those that deal with memory, threads, signals and
 * processes. It is a shared object of its own, which the library never loads.
 * There is one program a process, so the state is global.
 *
 * Each file uses those below it:
 *
 *	run.c                     Node-API
 *	syscall.c                 which part makes which system call
 *	process.c                 fork, execve
 *	thread.c  signal.c  rings.c
 *	memory.c                  the program's pages
 *	call.c    lock.c          one system call; the lock over shared state
 */
#include <errno.h>
#include <node_api.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory.h"
#include "process.h"
#include "signal.h"
#include "syscall.h"
#include "thread.h"

static napi_value number(napi_env env, double value)
{
	napi_value result = NULL;

	napi_create_double(env, value, &result);
	return result;
}

static bool get_arguments(napi_env env, napi_callback_info info, size_t count,
			  napi_value *argv)
{
	size_t argc = count;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok)
		return false;
	if (argc < count)
		napi_throw_type_error(env, "ERR_MISSING_ARGS",
				      "an argument is missing");
	return argc >= count;
}

/* A copy for malloc's owner to free; NULL with an exception pending. */
static char *get_string(napi_env env, napi_value value)
{
	char *string = NULL;
	size_t length;

	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) == napi_ok)
		string = malloc(length + 1);
	if (!string)
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE",
				      "a string is expected");
	else
		napi_get_value_string_utf8(env, value, string, length + 1,
					   NULL);
	return string;
}

/* An array like argv, with a NULL at the end. */
static char **get_strings(napi_env env, napi_value value)
{
	uint32_t count;
	char **strings;

	if (napi_get_array_length(env, value, &count) != napi_ok) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE",
				      "an array is expected");
		return NULL;
	}
	strings = calloc(count + 1, sizeof(*strings));
	for (uint32_t i = 0; strings && i < count; i++) {
		napi_value element;

		if (napi_get_element(env, value, i, &element) != napi_ok)
			return NULL;
		strings[i] = get_string(env, element);
		if (!strings[i])
			return NULL;
	}
	return strings;
}

/* open(program, runner, fds, memory): 0 or -errno */
static napi_value run_open(napi_env env, napi_callback_info info)
{
	napi_value argv[4];
	char *program, **runner, *fds;
	void *memory;
	size_t length;
	long ret;

	if (!get_arguments(env, info, 4, argv))
		return NULL;
	program = get_string(env, argv[0]);
	runner = program ? get_strings(env, argv[1]) : NULL;
	fds = runner ? get_string(env, argv[2]) : NULL;
	if (!fds)
		return NULL;
	if (napi_get_typedarray_info(env, argv[3], NULL, &length, &memory, NULL,
				     NULL) != napi_ok) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE",
				      "a Uint8Array is expected");
		return NULL;
	}
	ret = memory_open(memory);
	if (!ret) {
		process_open(program, runner);
		process_inherit(fds);
		thread_open(run_make_call);
		signal_open();
	}
	free(fds);
	return number(env, (double) ret);
}

/* mapImage(end): 0 or -errno */
static napi_value run_map_image(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	double end;

	if (!get_arguments(env, info, 1, argv) ||
	    napi_get_value_double(env, argv[0], &end) != napi_ok)
		return NULL;
	return number(env, (double) memory_map_image((uintptr_t) end));
}

/* map(length): an address or -errno */
static napi_value run_map(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	double length;
	long args[6] = {
		0, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0
	};

	if (!get_arguments(env, info, 1, argv) ||
	    napi_get_value_double(env, argv[0], &length) != napi_ok)
		return NULL;
	args[1] = (long) length;
	return number(env, (double) memory_mmap(args));
}

/* syscall(block): an enum run_request */
static napi_value run_call(napi_env env, napi_callback_info info)
{
	napi_value argv[1], result = NULL;
	size_t argc = 1;
	uint32_t block;
	enum run_request request;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok ||
	    napi_get_value_uint32(env, argv[0], &block) != napi_ok)
		return NULL;
	request = run_host_call((struct host_call *) (uintptr_t) block);
	if (request != RUN_NOTHING)
		napi_create_uint32(env, request, &result);
	return result;
}

static napi_value run_wait_for_demand(napi_env env, napi_callback_info info)
{
	(void) env;
	(void) info;
	thread_wait_for_demand();
	return NULL;
}

static napi_value run_prepare_threads(napi_env env, napi_callback_info info)
{
	(void) env;
	(void) info;
	thread_prepare();
	return NULL;
}

/* waitForStart(isNew): [function, argument, stack, threadPointer] */
static napi_value run_wait_for_start(napi_env env, napi_callback_info info)
{
	unsigned long parameters[4];
	napi_value argv[1], result;
	bool is_new;

	if (!get_arguments(env, info, 1, argv) ||
	    napi_get_value_bool(env, argv[0], &is_new) != napi_ok)
		return NULL;
	thread_wait_for_start(is_new, parameters);
	if (napi_create_array_with_length(env, 4, &result) != napi_ok)
		return NULL;
	for (uint32_t i = 0; i < 4; i++)
		napi_set_element(env, result, i,
				 number(env, (double) parameters[i]));
	return result;
}

/* die(signal) */
static napi_value run_die(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	int32_t signal;

	if (!get_arguments(env, info, 1, argv) ||
	    napi_get_value_int32(env, argv[0], &signal) != napi_ok)
		return NULL;
	signal_die(signal);
}

/* exec(command): does not return, or -errno. Addresses will not be random. */
static napi_value run_exec(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	char **command;

	if (!get_arguments(env, info, 1, argv))
		return NULL;
	command = get_strings(env, argv[0]);
	if (!command)
		return NULL;
	process_inherit("0,1,2");
	if (personality(ADDR_NO_RANDOMIZE) >= 0)
		execv(command[0], command);
	return number(env, (double) -errno);
}

/* hasFixedAddresses(): whether exec() has been here */
static napi_value run_has_fixed_addresses(napi_env env, napi_callback_info info)
{
	napi_value result = NULL;

	(void) info;
	napi_get_boolean(env, personality(0xffffffff) & ADDR_NO_RANDOMIZE,
			 &result);
	return result;
}

#define FUNCTION(name, callback)                                              \
	{                                                                     \
		name, NULL, callback, NULL, NULL, NULL, napi_enumerable, NULL \
	}

static const napi_property_descriptor functions[] = {
	FUNCTION("open", run_open),
	FUNCTION("mapImage", run_map_image),
	FUNCTION("map", run_map),
	FUNCTION("syscall", run_call),
	FUNCTION("prepareThreads", run_prepare_threads),
	FUNCTION("waitForDemand", run_wait_for_demand),
	FUNCTION("waitForStart", run_wait_for_start),
	FUNCTION("die", run_die),
	FUNCTION("exec", run_exec),
	FUNCTION("hasFixedAddresses", run_has_fixed_addresses),
};

NAPI_MODULE_INIT()
{
	if (napi_define_properties(env, exports,
				   sizeof(functions) / sizeof(*functions),
				   functions) != napi_ok)
		return NULL;
	return exports;
}
