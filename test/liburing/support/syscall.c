/* SPDX-License-Identifier: MIT */
/*
 * Description: system calls for the tests, as a Node-API addon. Node has no
 * socketpair(2), no eventfd(2), no epoll(7), and what liburing's tests hold
 * io_uring against must not be io_uring.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <node_api.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* what the tests have to know by number */
/* clang-format off */
#define NUMBERS(X)                                                             \
	X(SYS_read) X(SYS_write) X(SYS_pread64) X(SYS_pwrite64) X(SYS_close)    \
	X(SYS_lseek) X(SYS_fcntl) X(SYS_ioctl) X(SYS_pipe2) X(SYS_dup)          \
	X(SYS_eventfd2) X(SYS_socket) X(SYS_socketpair) X(SYS_bind)             \
	X(SYS_listen) X(SYS_accept4) X(SYS_connect) X(SYS_getsockname) X(SYS_getpeername) \
	X(SYS_setsockopt) X(SYS_getsockopt) X(SYS_shutdown) X(SYS_sendto)       \
	X(SYS_recvfrom) X(SYS_sendmsg) X(SYS_recvmsg) X(SYS_epoll_create1)      \
	X(SYS_epoll_ctl) X(SYS_epoll_wait) X(SYS_poll) X(SYS_mknodat)           \
	X(SYS_fgetxattr) X(SYS_getxattr) X(SYS_fsetxattr) X(SYS_setxattr)       \
	X(SYS_memfd_create) X(SYS_futex) X(SYS_timerfd_create)                  \
	X(SYS_timerfd_settime) X(SYS_sched_setaffinity)                         \
	X(SYS_sched_getaffinity) X(SYS_prlimit64) X(SYS_gettid)                 \
	X(SYS_setresuid) X(SYS_mmap) X(SYS_munmap) X(SYS_madvise)               \
	X(SYS_openat) X(SYS_statx) X(SYS_pidfd_open) X(SYS_nanosleep)           \
	X(SYS_process_vm_writev) X(SYS_mprotect) X(SYS_fadvise64) X(SYS_dup3)   \
	X(RLIMIT_FSIZE)                                                        \
	X(SYS_io_uring_register) X(SYS_io_uring_enter) X(SYS_io_uring_setup)    \
	X(F_GETFL) X(F_SETFL) X(F_GETFD) X(F_SETPIPE_SZ) X(F_GETPIPE_SZ)        \
	X(FIONREAD) X(FD_CLOEXEC)                                               \
	X(SIOCOUTQ) X(SYS_kill) X(SYS_wait4) X(IP_RECVORIGDSTADDR) X(RLIMIT_NPROC)
/* clang-format on */

#define LONGEST 7

/* syscall(number, ...): what the kernel returns, an error as -errno */
static napi_value call(napi_env env, napi_callback_info info)
{
	napi_value values[LONGEST], result = NULL;
	size_t count = LONGEST;
	int64_t n[LONGEST] = { 0 };
	long ret;

	if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok)
		return NULL;
	for (size_t i = 0; i < count && i < LONGEST; i++) {
		if (napi_get_value_int64(env, values[i], &n[i]) != napi_ok) {
			napi_throw_type_error(env, NULL,
					      "syscall takes numbers");
			return NULL;
		}
	}
	ret = syscall(n[0], n[1], n[2], n[3], n[4], n[5], n[6]);
	napi_create_int64(env, ret < 0 ? -errno : ret, &result);
	return result;
}

/* child(usec): fork(2), of a child that sleeps and exits; its pid, or -errno */
static napi_value child(napi_env env, napi_callback_info info)
{
	napi_value value, result = NULL;
	size_t count = 1;
	uint32_t usec = 0;
	pid_t pid;

	if (napi_get_cb_info(env, info, &count, &value, NULL, NULL) !=
		    napi_ok ||
	    napi_get_value_uint32(env, value, &usec) != napi_ok) {
		napi_throw_type_error(env, NULL, "child takes a number");
		return NULL;
	}
	pid = fork();
	if (pid == 0) {
		/* there are other threads: no more than system calls */
		if (usec)
			usleep(usec);
		_exit(0);
	}
	napi_create_int32(env, pid < 0 ? -errno : pid, &result);
	return result;
}

static void set_function(napi_env env, napi_value exports, const char *name,
			 napi_callback callback)
{
	napi_value function;

	if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL,
				 &function) == napi_ok)
		napi_set_named_property(env, exports, name, function);
}

static void set_number(napi_env env, napi_value exports, const char *name,
		       int64_t number)
{
	napi_value value;

	if (napi_create_int64(env, number, &value) == napi_ok)
		napi_set_named_property(env, exports, name, value);
}

NAPI_MODULE_INIT()
{
#define X(name) set_number(env, exports, #name, (int64_t) name);
	NUMBERS(X)
#undef X
	set_function(env, exports, "syscall", call);
	set_function(env, exports, "child", child);
	return exports;
}
