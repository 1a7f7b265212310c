/* SPDX-License-Identifier: MIT */
/* Description: fork(2) and execve(2) of a process that is Node. */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"
#include "lock.h"
#include "memory.h"
#include "thread.h"

static const char *program; /* the program's path */
static char *const *runner; /* the command that runs another */
static size_t runner_count;

void process_open(const char *path, char *const *command)
{
	const char *name = strrchr(path, '/');

	program = path;
	runner = command;
	prctl(PR_SET_NAME, name ? name + 1 : path);
	for (runner_count = 0; command[runner_count];)
		runner_count++;
}

/*
 * V8 keeps its heap from children, and a child that goes on in wasm needs it.
 * It is in mappings without a file.
 */
static void keep_all_memory(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uintptr_t from, to;
	char line[512];

	if (!maps)
		return;
	while (fgets(line, sizeof(line), maps))
		if (!strchr(line, '/') &&
		    sscanf(line, "%lx-%lx", &from, &to) == 2 &&
		    !memory_overlaps(from, to))
			madvise((void *) from, to - from, MADV_DOFORK);
	fclose(maps);
}

static long fork_and_copy(void)
{
	int copied[2];
	char byte = 0;
	pid_t pid;
	long ret;

	if (pipe2(copied, O_CLOEXEC))
		return -errno;
	keep_all_memory();
	pid = fork();
	if (!pid) {
		close(copied[0]);
		run_relock();
		thread_forked();
		ret = memory_make_private();
		if (ret)
			_exit(127);
		if (write(copied[1], &byte, 1) != 1)
			_exit(127);
		close(copied[1]);
		return 0;
	}
	ret = pid < 0 ? -errno : pid;
	close(copied[1]);
	/* until the child has its copy, it would see what is written here */
	while (pid > 0 && read(copied[0], &byte, 1) < 0 && errno == EINTR)
		;
	close(copied[0]);
	return ret;
}

long process_fork(const unsigned long *childs_mask)
{
	unsigned long all = ~0UL, mask;
	long ret;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, sizeof(mask));
	run_lock();
	ret = fork_and_copy();
	run_unlock();
	if (!ret && childs_mask)
		mask = *childs_mask;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	return ret;
}

/*
 * Node sets FD_CLOEXEC on all fds that it inherits, so the next process has to
 * be told which ones stay open.
 */
static char *inherited(void)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *entry;
	char *list = NULL;
	size_t size;
	FILE *out;

	out = open_memstream(&list, &size);
	while (fds && out && (entry = readdir(fds))) {
		int fd = atoi(entry->d_name);
		int flags = *entry->d_name == '.' ? -1 : fcntl(fd, F_GETFD);

		if (flags >= 0 && !(flags & FD_CLOEXEC))
			fprintf(out, "%d,", fd);
	}
	if (fds)
		closedir(fds);
	if (out)
		fclose(out);
	return list;
}

void process_inherit(const char *list)
{
	while (*list) {
		char *end;
		int fd = (int) strtol(list, &end, 10);

		if (end == list)
			break;
		fcntl(fd, F_SETFD, 0);
		list = *end ? end + 1 : end;
	}
}

static bool is_wasm(const char *path)
{
	char magic[4] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is = fd >= 0 && read(fd, magic, 4) == 4 &&
		  !memcmp(magic, "\0asm", 4);

	if (fd >= 0)
		close(fd);
	return is;
}

long process_exec(const char *path, char *const *argv, char *const *envp)
{
	size_t count = 0, n = 0;
	char **command, *fds;

	if (!strcmp(path, "/proc/self/exe"))
		path = program;
	if (access(path, X_OK) || !is_wasm(path)) {
		execve(path, argv, envp);
		return -errno;
	}
	while (argv && argv[count])
		count++;
	command = calloc(runner_count + count + 6, sizeof(*command));
	fds = inherited();
	if (!command || !fds)
		return -ENOMEM;
	while (runner[n]) {
		command[n] = runner[n];
		n++;
	}
	command[n++] = "--fds";
	command[n++] = fds;
	command[n++] = "--argv0";
	command[n++] = count ? argv[0] : "";
	command[n++] = (char *) path;
	for (size_t i = 1; i < count; i++)
		command[n++] = argv[i];
	execve(command[0], command, envp);
	count = (size_t) errno;
	free(command);
	free(fds);
	return -(long) count;
}

long process_readlink(const long args[6], long nr)
{
	int first = nr == SYS_readlinkat;
	const char *path = (const char *) args[first];
	size_t length = strlen(program), size = (size_t) args[first + 2];

	if (!pages_contain(&run_pages, (uintptr_t) path, 1) ||
	    strcmp(path, "/proc/self/exe"))
		return run_syscall(nr, args);
	if (length > size)
		length = size;
	memcpy((void *) args[first + 1], program, length);
	return (long) length;
}
