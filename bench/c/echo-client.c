/* SPDX-License-Identifier: MIT */
/*
 * Description: the load of an echo server: so many connections, each of which
 * sends a message, waits for all of it to come back, and sends the next.
 * Without a message, what the connections cost the server while they are idle.
 * Arguments: milliseconds, port, the server's process, connections, bytes of a
 * message or 0.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define MAX_CONNECTIONS 4096
#define MAX_MESSAGE	65536

struct connection {
	int fd;
	unsigned int received;
	unsigned int sent;
	unsigned char tag; /* the bytes of this message */
};

static struct connection connections[MAX_CONNECTIONS];
static unsigned int count, size;
static int epoll;
static unsigned char out[256][MAX_MESSAGE], in[MAX_MESSAGE];

static void watch(struct connection *c, unsigned int events, int how)
{
	struct epoll_event event = { .events = events, .data.ptr = c };

	if (epoll_ctl(epoll, how, c->fd, &event))
		bench_fail("epoll_ctl");
}

/* Sends as much as the socket takes, and the rest when it takes more. */
static void send_more(struct connection *c, bool was_blocked)
{
	while (c->sent < size) {
		ssize_t n = send(c->fd, out[c->tag] + c->sent, size - c->sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			if (!was_blocked)
				watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
			return;
		}
		if (n < 0)
			bench_fail("send");
		c->sent += (unsigned int) n;
	}
	if (was_blocked)
		watch(c, EPOLLIN, EPOLL_CTL_MOD);
}

static void start(struct connection *c)
{
	c->sent = c->received = 0;
	c->tag++;
	send_more(c, false);
}

/* Whether a whole message has come back. */
static bool receive(struct connection *c)
{
	ssize_t n = recv(c->fd, in, size - c->received, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		bench_fail("the server closed a connection");
	if (memcmp(in, out[c->tag], (size_t) n))
		bench_fail("something else came back");
	c->received += (unsigned int) n;
	return c->received == size;
}

static void echo(unsigned long operations)
{
	struct epoll_event events[256];
	unsigned long done = 0;

	while (done < operations) {
		int n = epoll_wait(epoll, events, 256, 5000);

		if (n <= 0)
			bench_fail("nothing came back for 5 seconds");
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (events[i].events & EPOLLOUT)
				send_more(c, true);
			if (events[i].events & EPOLLIN && receive(c)) {
				done++;
				start(c);
			}
		}
	}
}

/* The server may still be starting. */
static int connect_to(unsigned short port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr =
					       htonl(INADDR_LOOPBACK) };
	double start = bench_now_ms();
	int one = 1, fd;

	for (;;) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0)
			bench_fail("socket");
		if (!connect(fd, (struct sockaddr *) &address, sizeof(address)))
			break;
		close(fd);
		if (bench_now_ms() - start > 10000)
			bench_fail("connect");
		usleep(10000);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* Resident memory of a process, in bytes. */
static double resident(const char *pid)
{
	char path[64], line[256];
	unsigned long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	file = fopen(path, "r");
	if (!file)
		bench_fail("the server is gone");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmRSS: %lu", &kib) == 1)
			break;
	fclose(file);
	return kib * 1024.0;
}

/* Exchanges one message on each connection, so that the server knows it. */
static void greet(void)
{
	char byte = 0;

	for (unsigned int i = 0; i < count; i++)
		if (send(connections[i].fd, &byte, 1, 0) != 1 ||
		    recv(connections[i].fd, &byte, 1, 0) != 1)
			bench_fail("a connection is not served");
}

static void connect_all(unsigned short port)
{
	for (unsigned int i = 0; i < count; i++)
		connections[i].fd = connect_to(port);
}

static void raise_limit(void)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_max < MAX_CONNECTIONS + 64)
		bench_fail("the limit of open files (ulimit -Hn) is too low");
}

/* The server's bytes for each idle connection. */
static double idle(unsigned short port, const char *pid)
{
	unsigned int all = count;
	double before;

	/*
	 * the first connections make the server allocate what it needs anyway
	 */
	count = all / 8;
	connect_all(port);
	greet();
	before = resident(pid);
	count = all;
	connect_all(port);
	greet();
	return (resident(pid) - before) / count;
}

int main(int argc, char **argv)
{
	unsigned short port;

	if (argc != 6)
		bench_fail("usage: echo-client MS PORT PID CONNECTIONS BYTES");
	port = (unsigned short) atoi(argv[2]);
	count = (unsigned int) atoi(argv[4]);
	size = (unsigned int) atoi(argv[5]);
	if (!count || count > MAX_CONNECTIONS || size > MAX_MESSAGE)
		bench_fail("1 to 4096 connections, at most 65536 bytes");
	raise_limit();
	if (!size) {
		bench_report(idle(port, argv[3]));
		return 0;
	}
	for (int tag = 0; tag < 256; tag++)
		memset(out[tag], tag, size);
	epoll = epoll_create1(0);
	connect_all(port);
	for (unsigned int i = 0; i < count; i++)
		watch(&connections[i], EPOLLIN, EPOLL_CTL_ADD);
	for (unsigned int i = 0; i < count; i++)
		start(&connections[i]);
	bench_measure(echo, atof(argv[1]));
	return 0;
}
