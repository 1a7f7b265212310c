/** Makes an epoll instance, which JavaScript cannot: a C program makes one and sends it through a socket. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Ring } from '../../src/index.js';
import { AF_UNIX, SOCK_STREAM } from '../../src/linux.js';
import { newPath } from './scratch.js';
import { closing } from './sockets.js';
import { compileC } from './subprocess.js';

const source = `
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr header; } control = { 0 };
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	int fd = epoll_create1(0), sock = socket(AF_UNIX, SOCK_STREAM, 0);

	if (argc != 2 || fd < 0 || sock < 0)
		return 1;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", argv[1]);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (connect(sock, (struct sockaddr *)&to, sizeof(to)) || sendmsg(sock, &message, 0) != 1)
		return 2;
	return 0;
}`;

/** Receives the descriptor by recvmsg(2), in a control message. */
export async function openEpoll(ring: Ring): Promise<number> {
  const path = newPath('epoll');
  const server = closing(await ring.socket(AF_UNIX, SOCK_STREAM));
  await ring.bind(server, { path });
  await ring.listen(server);
  const { program, clean } = compileC(source);
  const child = spawn(program, [path], { stdio: 'inherit' });
  const exit = once(child, 'exit');
  const socket = closing(await ring.accept(server));
  const control = Buffer.alloc(24);
  await ring.recvmsg(socket, { iov: [Buffer.alloc(1)], control });
  const [status] = await exit;
  clean();
  if (status !== 0) throw new Error(`the program that makes an epoll instance ended with ${status}`);
  // struct cmsghdr has 16 bytes
  return closing(control.readInt32LE(16));
}
