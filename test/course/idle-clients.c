/* SPDX-License-Identifier: MIT */
/*
 * Connects COUNT times to PORT and has each connection echo SIZE bytes, then
 * stays idle. For each line on stdin, "ACTIVE": that many connections send and
 * read nothing until they cannot send any more; they read it all when the next
 * line comes.
 *
 * idle-clients PORT COUNT SIZE
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int *fds;
static size_t *owed;
static unsigned char *sent, *got;
static size_t size;

/* different for each connection */
static void fill(unsigned char *bytes, int i)
{
	for (size_t n = 0; n < size; n++)
		bytes[n] = (unsigned char) (n * 31 + i * 7);
}

static int connect_to(int port, int i)
{
	/*
	 * few ports of each address, as they stay in use for a minute after the
	 * end
	 */
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i % 32),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		err(1, "socket %d", i);
	if (connect(fd, (struct sockaddr *) &addr, sizeof(addr)))
		err(1, "connect %d", i);
	return fd;
}

static void read_all(int i, size_t length)
{
	for (size_t n = 0; n < length;) {
		ssize_t part = recv(fds[i], got + n % size, size - n % size, 0);

		if (part <= 0)
			err(1, "recv %d", i);
		n += part;
		if (n % size == 0) {
			fill(sent, i);
			if (memcmp(sent, got, size))
				errx(1, "connection %d has other bytes back",
				     i);
		}
	}
}

int main(int argc, char *argv[])
{
	struct rlimit limit;
	int port, count, active;

	if (argc != 4)
		return 2;
	port = atoi(argv[1]);
	count = atoi(argv[2]);
	size = atoi(argv[3]);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	fds = calloc(count, sizeof(*fds));
	owed = calloc(count, sizeof(*owed));
	sent = malloc(size);
	got = malloc(size);

	for (int i = 0; i < count; i++) {
		fds[i] = connect_to(port, i);
		fill(sent, i);
		if (send(fds[i], sent, size, 0) != (ssize_t) size)
			err(1, "send %d", i);
		read_all(i, size);
	}
	printf("idle\n");
	fflush(stdout);

	while (scanf("%d", &active) == 1) {
		for (int i = 0; i < count; i++) {
			/* what was sent in part has to be completed */
			size_t rest =
				owed[i] % size ? size - owed[i] % size : 0;

			if (!owed[i])
				continue;
			fill(sent, i);
			if (rest &&
			    send(fds[i], sent + size - rest, rest,
				 MSG_DONTWAIT) < 0 &&
			    errno != EAGAIN)
				err(1, "send %d", i);
			read_all(i, owed[i] - owed[i] % size);
			owed[i] = 0;
		}
		for (int i = 0; i < active; i++) {
			fill(sent, i);
			for (int again = 0; again < 100;) {
				size_t at = owed[i] % size;
				ssize_t part = send(fds[i], sent + at,
						    size - at, MSG_DONTWAIT);

				if (part < 0 && errno != EAGAIN)
					err(1, "send %d", i);
				/* full for a second: the server has stopped
				 * reading */
				if (part < 0) {
					usleep(10000);
					again++;
				} else {
					owed[i] += part;
					again = 0;
				}
			}
		}
		printf("active\n");
		fflush(stdout);
	}
	return 0;
}
