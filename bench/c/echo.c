/* SPDX-License-Identifier: MIT */
/*
 * Description: a TCP echo server, until it is ended: multishot accept,
 * multishot receives into a ring of buffers, each sent back whole before the
 * connection's next one. bench/ts/echo-c.ts is the same. Arguments: port,
 * default or defer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "batches.h"

#define ENTRIES 4096
#define BUFFERS 1024
#define SIZE	16384
#define MAX_FDS 65536
#define NOBODY	(-1)

enum event { ACCEPT, RECEIVE, SEND };

/* the list of buffers that a connection has to send; the first is being sent */
static struct {
	int first, last;
} connections[MAX_FDS];

static struct {
	unsigned int length;
	int next;
} filled[BUFFERS];

static struct io_uring ring;
static struct io_uring_buf_ring *buf_ring;
static char buffers[BUFFERS][SIZE] __attribute__((aligned(4096)));
/* Connections that found no buffer. */
static int starved[MAX_FDS];
static unsigned int starved_count;

static struct io_uring_sqe *get_sqe(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (sqe)
		return sqe;
	io_uring_submit(&ring);
	sqe = io_uring_get_sqe(&ring);
	if (!sqe)
		bench_fail("the SQ ring is full");
	return sqe;
}

static void set_event(struct io_uring_sqe *sqe, enum event event, int fd)
{
	io_uring_sqe_set_data64(sqe, (__u64) event << 32 | (__u32) fd);
}

static void accept_all(int fd)
{
	struct io_uring_sqe *sqe = get_sqe();

	io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, 0);
	set_event(sqe, ACCEPT, fd);
}

static void receive(int fd)
{
	struct io_uring_sqe *sqe = get_sqe();

	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	io_uring_sqe_set_buf_group(sqe, 0);
	set_event(sqe, RECEIVE, fd);
}

static void send_first(int fd)
{
	struct io_uring_sqe *sqe = get_sqe();
	int bid = connections[fd].first;

	io_uring_prep_send(sqe, fd, buffers[bid], filled[bid].length,
			   MSG_WAITALL);
	set_event(sqe, SEND, fd);
}

static void give_back(int bid)
{
	io_uring_buf_ring_add(buf_ring, buffers[bid], SIZE, bid,
			      io_uring_buf_ring_mask(BUFFERS), 0);
	io_uring_buf_ring_advance(buf_ring, 1);
	if (starved_count)
		receive(starved[--starved_count]);
}

static void accepted(int listener, int res, bool more)
{
	if (res < 0 || res >= MAX_FDS)
		bench_fail("accept");
	connections[res].first = NOBODY;
	receive(res);
	if (!more)
		accept_all(listener);
}

static void received(int fd, int res, unsigned int flags)
{
	int bid;

	if (res == -ENOBUFS) {
		starved[starved_count++] = fd;
		return;
	}
	if (res <= 0) {
		close(fd);
		return;
	}
	bid = flags >> IORING_CQE_BUFFER_SHIFT;
	filled[bid].length = res;
	filled[bid].next = NOBODY;
	if (connections[fd].first == NOBODY) {
		connections[fd].first = connections[fd].last = bid;
		send_first(fd);
	} else {
		filled[connections[fd].last].next = bid;
		connections[fd].last = bid;
	}
	if (!(flags & IORING_CQE_F_MORE))
		receive(fd);
}

static void sent(int fd, int res)
{
	int bid = connections[fd].first;

	if (res >= 0 && res != (int) filled[bid].length)
		bench_fail("a short send");
	/* the next send to a client that is gone fails, too */
	connections[fd].first = filled[bid].next;
	give_back(bid);
	if (connections[fd].first != NOBODY)
		send_first(fd);
}

static void completed(const struct io_uring_cqe *cqe)
{
	int fd = (__u32) cqe->user_data;

	switch (cqe->user_data >> 32) {
	case ACCEPT:
		accepted(fd, cqe->res, cqe->flags & IORING_CQE_F_MORE);
		break;
	case RECEIVE:
		received(fd, cqe->res, cqe->flags);
		break;
	default:
		sent(fd, cqe->res);
	}
}

static int listen_on(unsigned short port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr =
					       htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *) &address, sizeof(address)) ||
	    listen(fd, 4096))
		bench_fail("listen");
	return fd;
}

int main(int argc, char **argv)
{
	struct rlimit files;
	int error;

	if (argc != 3)
		bench_fail("usage: echo PORT default|defer");
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	open_ring(&ring, ENTRIES, argv[2]);
	buf_ring = io_uring_setup_buf_ring(&ring, BUFFERS, 0, 0, &error);
	if (!buf_ring)
		bench_fail("io_uring_setup_buf_ring");
	for (int bid = 0; bid < BUFFERS; bid++)
		give_back(bid);
	accept_all(listen_on(atoi(argv[1])));
	for (;;) {
		struct io_uring_cqe *cqe;
		unsigned int head, seen = 0;

		if (io_uring_submit_and_wait(&ring, 1) < 0)
			bench_fail("io_uring_submit_and_wait");
		io_uring_for_each_cqe(&ring, head, cqe)
		{
			completed(cqe);
			seen++;
		}
		io_uring_cq_advance(&ring, seen);
	}
}
