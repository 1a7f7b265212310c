/** C programs in wasm, compiled by uring-cc, beside the same programs compiled natively. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from '../support/subprocess.js';

const folder = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
afterAll(() => rmSync(folder, { recursive: true }));

const tree = join(root, 'build/liburing');
const cli = join(root, 'dist/cli/main.js');

interface Outcome {
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/** Compiles one source both ways, and runs both. */
function both(name: string, source: string, args: readonly string[] = []): { native: Outcome; wasm: Outcome } {
  const file = join(folder, `${name}.c`);
  writeFileSync(file, source);
  const native = join(folder, name);
  const wasm = join(folder, `${name}.wasm`);
  const options = { encoding: 'utf8', cwd: folder, timeout: 50_000 } as const;
  const compile = (command: string, ...flags: string[]): void => {
    const { status, stderr } = spawnSync(command, ['-O2', '-Wall', '-Wextra', '-Werror', file, ...flags], options);
    if (status !== 0) throw new Error(stderr);
  };
  const include = [join(root, 'build/native/src/include'), join(tree, 'src/include')].map((path) => `-I${path}`);
  compile('gcc', '-D_GNU_SOURCE', '-o', native, ...include, join(root, 'build/native/src/liburing.a'), '-lpthread');
  compile(join(root, 'wasm/bin/uring-cc'), '-o', wasm, '-luring', '-lpthread');
  const take = ({ status, signal, stdout, stderr }: Outcome): Outcome => ({ status, signal, stdout, stderr });
  return {
    native: take(spawnSync(native, args, options)),
    wasm: take(spawnSync(execPath, [cli, 'run', wasm, ...args], options)),
  };
}

function expectSame(name: string, source: string, args: readonly string[] = []): Outcome {
  const { native, wasm } = both(name, source, args);
  expect(wasm).toEqual(native);
  return wasm;
}

const headers = `
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <liburing.h>
`;
const program = (body: string, before = ''): string => `${headers}${before}\nint main(int argc, char **argv)\n{
  (void) argc; (void) argv;\n${body}\n}\n`;

describe('a process', () => {
  it('has arguments, an environment, a working directory and an exit code', () => {
    const source = program(`
      char cwd[4096];
      for (int i = 1; i < argc; i++) printf("%s\\n", argv[i]);
      printf("%s %s\\n", getenv("PATH"), getcwd(cwd, sizeof(cwd)));
      fprintf(stderr, "%.3f %Lg %s\\n", 1.0 / 3, 2.5L, strerror(ENOENT));
      return 42;`);
    const { status, stdout } = expectSame('arguments', source, ['a b', 'ä', '--help', '']);
    expect(status).toBe(42);
    expect(stdout).toContain('--help\n');
  });

  it("has C structs with Linux's layout", () => {
    const { stdout } = expectSame(
      'structs',
      program(`
        struct stat st;
        printf("%zu %zu %zu\\n", sizeof(struct stat), sizeof(struct msghdr), sizeof(struct io_uring));
        stat("/", &st);
        printf("%lu %o\\n", (unsigned long) st.st_ino, st.st_mode);
        return stat("/nothing", &st) == -1 && errno == ENOENT ? 0 : 1;`),
    );
    expect(stdout).toContain('144 56 216\n');
  });

  it.each([
    ['a null pointer', '*(volatile int *) NULL = 1;', 'SIGSEGV'],
    [
      'memory that was unmapped',
      'char *p = mmap(0, 4096, 3, 34, -1, 0); munmap(p, 4096); *(volatile char *) p = 1;',
      'SIGSEGV',
    ],
    ['read-only memory', 'char *p = mmap(0, 4096, PROT_READ, 34, -1, 0); *(volatile char *) p = 1;', 'SIGSEGV'],
    ['abort', 'abort();', 'SIGABRT'],
    ['a signal to itself', 'kill(getpid(), SIGTERM); pause();', 'SIGTERM'],
  ])('dies of %s', (what, body, signal) => {
    const { wasm, native } = both(what.replace(/\W/g, '-'), program(`${body}\nreturn 0;`));
    expect(wasm).toEqual(native);
    expect(wasm.signal).toBe(signal);
  });
});

describe('memory', () => {
  it('is mapped where the program asks, or not at all', () => {
    expectSame(
      'fixed',
      program(`
        char *p = mmap((void *) 0x20000000, 0x1000000, 3, MAP_ANON | MAP_PRIVATE, -1, 0);
        printf("%p\\n", (void *) p);
        printf("%d\\n", mmap(p, 4096, 3, MAP_ANON | MAP_PRIVATE | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ? errno : 0);
        p[5000] = 1;
        printf("%d\\n", mmap(p + 4096, 4096, 3, MAP_ANON | MAP_PRIVATE | MAP_FIXED, -1, 0) == p + 4096 && p[5000] == 0);
        printf("%d\\n", mmap(0, 1UL << 47, 3, MAP_ANON | MAP_PRIVATE, -1, 0) == MAP_FAILED && errno == ENOMEM);
        printf("%d\\n", munmap(p + 4096, 4096));
        printf("%d\\n", write(1, p + 4096, 1) == -1 && errno == EFAULT);
        return 0;`),
    );
  });

  it('shows a file that is mapped', () => {
    expectSame(
      'file',
      program(`
        int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
        char buffer[6] = "";
        if (write(fd, "hello", 5) != 5) return 1;
        char *shared = mmap(0, 4096, 3, MAP_SHARED, fd, 0), *private = mmap(0, 4096, 3, MAP_PRIVATE, fd, 0);
        private[0] = 'c';
        shared[1] = 'a';
        if (msync(shared, 4096, MS_SYNC) || pread(fd, buffer, 5, 0) != 5) return 2;
        printf("%s %.5s\\n", buffer, private);
        return 0;`),
    );
  });
});

describe('io_uring', () => {
  it('takes rings that the program sets up itself', () => {
    expectSame(
      'raw-ring',
      program(`
        struct io_uring_params p = { 0 };
        int fd = io_uring_setup(8, &p);
        char *ring = mmap(0, 4096, 3, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
        struct io_uring_sqe *sqes = mmap(0, 4096, 3, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
        if (ring == MAP_FAILED || sqes == MAP_FAILED) return 1;
        memset(sqes, 0, sizeof(*sqes));
        sqes->user_data = 77;
        ((unsigned *) (ring + p.sq_off.array))[0] = 0;
        *(unsigned *) (ring + p.sq_off.tail) = 1;
        printf("%d\\n", io_uring_enter(fd, 1, 1, IORING_ENTER_GETEVENTS, NULL));
        printf("%d\\n", (int) ((struct io_uring_cqe *) (ring + p.cq_off.cqes))->user_data);
        printf("%d\\n", mmap((void *) 0x30000000, 4096, 3, MAP_SHARED, fd, 0) == MAP_FAILED ? errno : 0);
        return 0;`),
    );
  });
});

describe('threads', () => {
  it('lock, wait and end like native ones', () => {
    expectSame(
      'threads',
      program(
        `pthread_t t[8];
        for (long i = 0; i < 8; i++) pthread_create(t + i, NULL, work, (void *) i);
        long sum = 0;
        for (int i = 0; i < 8; i++) { void *r; pthread_join(t[i], &r); sum += (long) r; }
        printf("%d %ld %d\\n", counter, sum, distinct());
        return 0;`,
        `static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        static int counter, tids[8];
        static void *work(void *i)
        {
          tids[(long) i] = gettid();
          for (int n = 0; n < 200; n++) { pthread_mutex_lock(&lock); counter++; pthread_mutex_unlock(&lock); }
          errno = (int) (long) i;
          usleep(1000);
          return (void *) (long) errno;
        }
        static int distinct(void)
        {
          for (int i = 0; i < 8; i++) for (int j = 0; j < i; j++) if (tids[i] == tids[j]) return 0;
          return tids[0] != getpid();
        }`,
      ),
    );
  });

  it('are gone from the process when they are joined', () => {
    expectSame(
      'ended',
      program(
        `pthread_t t;
        pthread_create(&t, NULL, work, NULL);
        pthread_join(t, NULL);
        char path[64];
        snprintf(path, sizeof(path), "/proc/self/task/%d", tid);
        printf("%d\\n", access(path, F_OK));
        return 0;`,
        'static volatile int tid; static void *work(void *x) { tid = gettid(); return x; }',
      ),
    );
  });
});

describe('signals', () => {
  it('are handled, with their mask, and interrupt or restart system calls', () => {
    expectSame(
      'signals',
      program(
        `struct sigaction a = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
        struct timespec t = { 0, 20 * 1000 * 1000 };
        int p[2];
        char c;
        sigaction(SIGALRM, &a, NULL);
        ualarm(50000, 0);
        if (pipe(p)) return 1;
        int n = (int) read(p[0], &c, 1);
        printf("%d %d\\n", n, errno == EINTR);
        fflush(stdout);
        a.sa_flags |= SA_RESTART;
        sigaction(SIGALRM, &a, NULL);
        ualarm(50000, 0);
        if (!fork()) { nanosleep(&t, NULL); nanosleep(&t, NULL); nanosleep(&t, NULL); nanosleep(&t, NULL);
          exit(write(p[1], "x", 1) != 1); }
        printf("%d\\n", (int) read(p[0], &c, 1));
        printf("%d %d\\n", count, blocked);
        return 0;`,
        `static int count, blocked;
        static void handler(int number, siginfo_t *info, void *context)
        {
          sigset_t set;
          (void) context;
          sigprocmask(SIG_BLOCK, NULL, &set);
          blocked += sigismember(&set, number) && info->si_signo == number;
          count++;
        }`,
      ),
    );
  });

  it('stay pending while they are blocked, and can be read from a signalfd', () => {
    expectSame(
      'signalfd',
      program(
        `sigset_t set;
        struct signalfd_siginfo info;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigprocmask(SIG_BLOCK, &set, NULL);
        kill(getpid(), SIGUSR1);
        int fd = signalfd(-1, &set, 0);
        int n = (int) read(fd, &info, sizeof(info));
        printf("%d %d\\n", n == sizeof(info), info.ssi_signo);
        return 0;`,
        '#include <sys/signalfd.h>',
      ),
    );
  });
});

describe('processes', () => {
  it('fork copies private memory, and shares shared memory and rings', () => {
    expectSame(
      'fork',
      program(`
        struct io_uring ring;
        int *shared = mmap(0, 4096, 3, MAP_SHARED | MAP_ANON, -1, 0), own = 1, status;
        char *heap = strdup("parent");
        io_uring_queue_init(8, &ring, 0);
        fflush(stdout);
        pid_t pid = fork();
        if (!pid) {
          own = 2;
          strcpy(heap, "child");
          *shared = 3;
          io_uring_prep_nop(io_uring_get_sqe(&ring));
          ring.sq.sqes->user_data = 9;
          exit(io_uring_submit(&ring) == 1 ? 7 : 8);
        }
        waitpid(pid, &status, 0);
        printf("%d %s %d %d\\n", own, heap, *shared, WEXITSTATUS(status));
        printf("%u\\n", io_uring_cq_ready(&ring));
        return 0;`),
    );
  });

  it('execute themselves, other programs in wasm, and native ones', () => {
    expectSame(
      'exec',
      program(`
        if (argc > 1) { printf("%s %s\\n", argv[0], argv[1]); fflush(stdout); return atoi(argv[1]); }
        int status;
        fflush(stdout);
        if (!fork()) { execl("/proc/self/exe", "myself", "5", NULL); _exit(1); }
        wait(&status);
        printf("%d\\n", WEXITSTATUS(status));
        fflush(stdout);
        if (system("echo from the shell; exit 3") != 3 << 8) return 1;
        execl("/bin/echo", "echo", "the end", NULL);
        return 1;`),
    );
  });
});
