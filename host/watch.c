/* SPDX-License-Identifier: MIT */
/*
 * Description: tells JavaScript when a ring has completions. A ring's fd can be
 * polled like a socket. Where the runtime's event loop is libuv's, the loop
 * does that itself; elsewhere a thread does, and calls over.
 *
 * A watch begins unreferenced: it does not keep the process alive.
 */
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

/* Bun and Deno do not have these, and must load the shim all the same. */
#pragma weak uv_close
#pragma weak uv_poll_init
#pragma weak uv_poll_start
#pragma weak uv_ref
#pragma weak uv_unref

#define STACK_SIZE (128 * 1024)

struct watch {
	napi_env env;
	bool loop;
	bool closed;
	int references; /* the JavaScript functions, and the loop */
	/*
	 * What is polled, ours: an eventfd, or a duplicate of the ring's fd.
	 * libuv ends the process if somebody closes an fd that it polls.
	 */
	int fd;
	bool is_eventfd;

	/* with the loop */
	uv_poll_t poll;
	napi_ref callback;
	napi_async_context context;
	napi_async_cleanup_hook_handle cleanup;

	/* with a thread */
	pthread_t thread;
	int epoll;
	int stop;
	napi_threadsafe_function call;
};

static void close_fd(struct watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static void put(struct watch *w)
{
	if (--w->references)
		return;
	close_fd(w);
	free(w);
}

static napi_value throw_errno(napi_env env, const char *syscall, int error)
{
	napi_value message, value, number, name;

	if (napi_create_string_utf8(env, syscall, NAPI_AUTO_LENGTH, &name) ==
		    napi_ok &&
	    napi_create_string_utf8(env, "the ring cannot be watched",
				    NAPI_AUTO_LENGTH, &message) == napi_ok &&
	    napi_create_error(env, NULL, message, &value) == napi_ok &&
	    napi_create_int32(env, error, &number) == napi_ok &&
	    napi_set_named_property(env, value, "errno", number) == napi_ok &&
	    napi_set_named_property(env, value, "syscall", name) == napi_ok)
		napi_throw(env, value);
	return NULL;
}

/* --- the loop polls --------------------------------------------------------
 */

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;
	napi_value callback, receiver, error;
	napi_handle_scope scope;

	uint64_t count;

	(void) status;
	(void) events;
	/* the eventfd stays readable until it is read */
	if (w->is_eventfd && read(w->fd, &count, sizeof(count)) < 0 &&
	    errno == EAGAIN)
		return;
	if (napi_open_handle_scope(w->env, &scope) != napi_ok)
		return;
	if (napi_get_reference_value(w->env, w->callback, &callback) ==
		    napi_ok &&
	    napi_get_global(w->env, &receiver) == napi_ok &&
	    napi_make_callback(w->env, w->context, receiver, callback, 0, NULL,
			       NULL) == napi_pending_exception &&
	    napi_get_and_clear_last_exception(w->env, &error) == napi_ok)
		napi_fatal_exception(w->env, error);
	napi_close_handle_scope(w->env, scope);
}

static void on_closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;

	napi_remove_async_cleanup_hook(w->cleanup);
	put(w);
}

static void close_poll(struct watch *w)
{
	if (w->closed)
		return;
	w->closed = true;
	napi_delete_reference(w->env, w->callback);
	napi_async_destroy(w->env, w->context);
	uv_close((uv_handle_t *) &w->poll, on_closed);
	/* libuv has closed it; the object stays until it is collected */
	close_fd(w);
}

static void on_environment_end(napi_async_cleanup_hook_handle handle,
			       void *data)
{
	(void) handle;
	close_poll(data);
}

static int open_poll(struct watch *w, napi_value callback)
{
	struct uv_loop_s *loop;
	napi_value name;
	int ret;

	if (napi_get_uv_event_loop(w->env, &loop) != napi_ok)
		return -ENOSYS;
	ret = uv_poll_init(loop, &w->poll, w->fd);
	if (ret)
		return ret;
	w->poll.data = w;
	w->references++;
	/* these fail only in an environment that is past its end */
	if (napi_create_reference(w->env, callback, 1, &w->callback) !=
		    napi_ok ||
	    napi_create_string_utf8(w->env, "io_uring", NAPI_AUTO_LENGTH,
				    &name) != napi_ok ||
	    napi_async_init(w->env, NULL, name, &w->context) != napi_ok ||
	    napi_add_async_cleanup_hook(w->env, on_environment_end, w,
					&w->cleanup) != napi_ok)
		napi_fatal_error("watch", NAPI_AUTO_LENGTH,
				 "the environment is ending", NAPI_AUTO_LENGTH);
	uv_poll_start(&w->poll, UV_READABLE, on_readable);
	uv_unref((uv_handle_t *) &w->poll);
	return 0;
}

/* --- a thread polls --------------------------------------------------------
 */

static void *poll_thread(void *data)
{
	struct watch *w = data;
	struct epoll_event event;

	for (;;) {
		int ret = epoll_wait(w->epoll, &event, 1, -1);

		if (ret < 0 && errno != EINTR)
			break;
		if (ret < 1)
			continue;
		if (event.data.fd == w->stop)
			break;
		if (napi_call_threadsafe_function(
			    w->call, NULL, napi_tsfn_nonblocking) != napi_ok)
			break;
	}
	return NULL;
}

static void close_thread(void *data)
{
	struct watch *w = data;
	uint64_t one = 1;

	if (w->closed)
		return;
	w->closed = true;
	napi_remove_env_cleanup_hook(w->env, close_thread, w);
	while (write(w->stop, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(w->thread, NULL);
	napi_release_threadsafe_function(w->call, napi_tsfn_abort);
	close(w->epoll);
	close(w->stop);
	close_fd(w);
}

static int start_thread(struct watch *w)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int ret;

	/* signals are for the thread that runs JavaScript */
	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	ret = pthread_create(&w->thread, &attributes, poll_thread, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -ret;
}

static int add_fd(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_thread(struct watch *w, napi_value callback)
{
	napi_value name;
	int ret;

	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->stop = eventfd(0, EFD_CLOEXEC);
	ret = w->epoll < 0 || w->stop < 0 ? -errno : 0;
	if (!ret)
		ret = add_fd(w->epoll, w->stop, EPOLLIN);
	/* edge-triggered: only completions that are new wake the thread */
	if (!ret)
		ret = add_fd(w->epoll, w->fd, EPOLLIN | EPOLLET);
	if (!ret &&
	    (napi_create_string_utf8(w->env, "io_uring", NAPI_AUTO_LENGTH,
				     &name) != napi_ok ||
	     napi_create_threadsafe_function(w->env, callback, NULL, name, 0, 1,
					     NULL, NULL, NULL, NULL,
					     &w->call) != napi_ok))
		ret = -ENOMEM;
	if (!ret) {
		napi_unref_threadsafe_function(w->env, w->call);
		ret = start_thread(w);
		if (ret)
			napi_release_threadsafe_function(w->call,
							 napi_tsfn_abort);
	}
	if (ret) {
		if (w->epoll >= 0)
			close(w->epoll);
		if (w->stop >= 0)
			close(w->stop);
		return ret;
	}
	napi_add_env_cleanup_hook(w->env, close_thread, w);
	return 0;
}

/* --- for JavaScript --------------------------------------------------------
 */

static struct watch *get_watch(napi_env env, napi_callback_info info)
{
	struct watch *w = NULL;

	napi_get_cb_info(env, info, NULL, NULL, NULL, (void **) &w);
	return w;
}

static napi_value watch_ref(napi_env env, napi_callback_info info)
{
	struct watch *w = get_watch(env, info);

	if (w->closed)
		return NULL;
	if (w->loop)
		uv_ref((uv_handle_t *) &w->poll);
	else
		napi_ref_threadsafe_function(env, w->call);
	return NULL;
}

static napi_value watch_unref(napi_env env, napi_callback_info info)
{
	struct watch *w = get_watch(env, info);

	if (w->closed)
		return NULL;
	if (w->loop)
		uv_unref((uv_handle_t *) &w->poll);
	else
		napi_unref_threadsafe_function(env, w->call);
	return NULL;
}

static void close_watch(struct watch *w)
{
	if (w->loop)
		close_poll(w);
	else
		close_thread(w);
}

static napi_value watch_close(napi_env env, napi_callback_info info)
{
	close_watch(get_watch(env, info));
	return NULL;
}

static void release(napi_env env, void *data, void *hint)
{
	struct watch *w = data;

	(void) env;
	(void) hint;
	if (w->references == (w->loop && !w->closed ? 2 : 1))
		close_watch(w);
	put(w);
}

static bool add_function(napi_env env, napi_value object, struct watch *w,
			 const char *name, napi_callback callback)
{
	napi_value function;

	if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, w,
				 &function) != napi_ok ||
	    napi_add_finalizer(env, function, w, release, NULL, NULL) !=
		    napi_ok)
		return false;
	w->references++;
	return napi_set_named_property(env, object, name, function) == napi_ok;
}

napi_value watch_create(napi_env env, napi_callback_info info)
{
	napi_value argv[3], object, eventfd_number;
	napi_valuetype type;
	size_t argc = 3;
	struct watch *w;
	int32_t fd;
	bool loop;
	int ret;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok ||
	    napi_get_value_int32(env, argv[0], &fd) != napi_ok ||
	    napi_typeof(env, argv[1], &type) != napi_ok ||
	    type != napi_function ||
	    napi_get_value_bool(env, argv[2], &loop) != napi_ok) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE",
				      "watch(fd, callback, loop) is expected");
		return NULL;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return throw_errno(env, "malloc", -ENOMEM);
	w->env = env;
	w->loop = loop;
	w->epoll = w->stop = -1;
	w->references = 1; /* ours, until all functions exist */
	w->is_eventfd = fd < 0;
	w->fd = w->is_eventfd ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
			      : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (w->fd < 0) {
		const char *syscall = w->is_eventfd ? "eventfd" : "dup";

		ret = -errno;
		put(w);
		return throw_errno(env, syscall, ret);
	}
	ret = loop ? open_poll(w, argv[1]) : open_thread(w, argv[1]);
	if (ret) {
		put(w);
		return throw_errno(env, loop ? "uv_poll_init" : "epoll_ctl",
				   ret);
	}
	if (napi_create_object(env, &object) != napi_ok ||
	    napi_create_int32(env, w->is_eventfd ? w->fd : -1,
			      &eventfd_number) != napi_ok ||
	    napi_set_named_property(env, object, "eventfd", eventfd_number) !=
		    napi_ok ||
	    !add_function(env, object, w, "ref", watch_ref) ||
	    !add_function(env, object, w, "unref", watch_unref) ||
	    !add_function(env, object, w, "close", watch_close))
		object = NULL;
	put(w);
	return object;
}
