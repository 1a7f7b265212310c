/** A ring in its process: when the process lives, when it ends, what is left behind. */
import { describe, expect, it } from 'vitest';
import { type Run, type RunOptions, runScript } from '../support/subprocess.js';

/** Runs a script to its end, and returns its output. */
function run(source: string, options?: RunOptions): string {
  const { status, signal, stdout, stderr }: Run = runScript(
    `import { Ring, RequestHandle } from 'liburing-wasm';\n${source}`,
    options,
  );
  expect(stderr).toBe('');
  expect({ status, signal }).toEqual({ status: 0, signal: null });
  return stdout.trim();
}

/** Counts what the process has: descriptors, threads, mappings, pages of windows. */
const COUNTS = `
  import { fstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
  const link = (fd) => { try { return readlinkSync('/proc/self/fd/' + fd); } catch { return ''; } };
  const counts = () => {
    const fds = readdirSync('/proc/self/fd');
    return {
      fds: fds.length,
      threads: readdirSync('/proc/self/task').length,
      maps: readFileSync('/proc/self/maps', 'utf8').split('\\n').filter((line) => /\\[io_uring\\]|memfd:liburing/.test(line)).length,
      blocks: fds.filter((fd) => link(fd).startsWith('/memfd:liburing-wasm'))
        .reduce((sum, fd) => sum + fstatSync(Number(fd)).blocks, 0),
    };
  };
`;

describe('a process', () => {
  it('ends when nothing is in flight, although its ring is open', () => {
    expect(run("const ring = new Ring(); await ring.nop(); await ring.timeout(1); console.log('end');")).toBe('end');
    expect(run("new Ring(); console.log('end');")).toBe('end');
    expect(run("const ring = new Ring({ deferTaskrun: true }); await ring.nop(); console.log('end');")).toBe('end');
    expect(run("const ring = new Ring({ sqpoll: true }); await ring.nop(); console.log('end');")).toBe('end');
  });

  it('lives as long as a request is in flight', () => {
    for (const options of ['', '{ deferTaskrun: true }', '{ sqpoll: true }']) {
      const late = run(`const ring = new Ring(${options});
        ring.timeout(50).then(() => { console.log('first'); return ring.timeout(20); }).then(() => console.log('end'));`);
      expect(late).toBe('first\nend');
    }
  });

  it('lives while somebody waits for a message, and no longer', () => {
    const output = run(`const [one, two] = [new Ring(), new Ring()];
      setTimeout(() => one.msg_ring(two, 7, 1), 30);
      for await (const { len } of two.messages()) { console.log(len); break; }
      console.log('end');`);
    expect(output).toBe('7\nend');
    expect(
      run(`const [one, two] = [new Ring(), new Ring()];
        const next = two.messages().next();
        await one.msg_ring(two, 7, 1);
        console.log((await next).value.len);`),
    ).toBe('7');
    // the same for a message that arrived before it was asked for
    expect(
      run(`const [one, two] = [new Ring(), new Ring()];
        const messages = two.messages();
        for (const len of [1, 2]) await one.msg_ring(two, len, 1);
        console.log((await messages.next()).value.len, (await messages.next()).value.len);`),
    ).toBe('1 2');
  });

  it('can be ended with requests in flight', () => {
    for (const options of ['', '{ deferTaskrun: true }', '{ sqpoll: true }']) {
      const output = run(`const ring = new Ring(${options});
        const [input] = await ring.pipe();
        ring.read(input, Buffer.alloc(1 << 20)).catch(() => {});
        ring.timeout(100_000);
        ring.submit();
        console.log('end');
        process.exit(0);`);
      expect(output).toBe('end');
    }
  });

  it("reports an exception in a callback as the callback's", () => {
    const { status, stderr } = runScript(
      "import { Ring } from 'liburing-wasm'; const ring = new Ring(); ring.nop().then(() => { throw new Error('mine'); });",
    );
    expect(status).toBe(1);
    expect(stderr).toContain('Error: mine');
  });
});

describe('workers', () => {
  it('leave nothing behind when they end with open rings and requests in flight', () => {
    const output = run(`
      ${COUNTS}
      import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      const source = \`
        import { Ring } from \${JSON.stringify(import.meta.resolve('liburing-wasm'))};
        import { parentPort, workerData } from 'node:worker_threads';
        const rings = [new Ring(), new Ring({ deferTaskrun: true }), new Ring()];
        const ends = await Promise.all(rings.map((ring) => ring.pipe()));
        rings.forEach((ring, index) => {
          ring.read(ends[index][0], Buffer.alloc(4096)).catch(() => {});
          ring.timeout(100_000).catch(() => {});
          ring.submit();
        });
        parentPort.postMessage(ends.flat());
        if (workerData === 0) process.exit();
        if (workerData === 1) for (const ring of rings) await ring.close();
      \`;
      const { closeSync } = await import('node:fs');
      const cycle = async (kind) => {
        const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(source)), { workerData: kind });
        const exit = once(worker, 'exit');
        const [fds] = await once(worker, 'message');
        if (kind === 2) await worker.terminate();
        await exit;
        for (const fd of fds) closeSync(fd);
      };
      for (let kind = 0; kind < 3; kind++) await cycle(kind);
      const before = counts();
      for (let round = 0; round < 24; round++) await cycle(round % 3);
      let after = counts();
      for (let i = 0; i < 100 && (after.fds > before.fds || after.threads > before.threads); i++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        after = counts();
      }
      console.log(JSON.stringify({ fds: after.fds - before.fds, threads: after.threads - before.threads }));
    `);
    const { fds, threads } = JSON.parse(output) as Record<string, number>;
    expect(fds).toBe(0);
    // threads that were ending at the start are gone at the end
    expect(threads).toBeLessThanOrEqual(0);
  });
});

it('a thousand rings leave nothing behind when they are closed with work in flight', () => {
  const output = run(
    `
    ${COUNTS}
    import { closeSync } from 'node:fs';
    const kinds = [{}, { deferTaskrun: true }, { entries: 8 }, { entries: 8, cqe32: true }];
    const cycle = async (round) => {
      let ring;
      for (let tries = 0; ring === undefined; tries++) {
        // an ordinary user's limit of locked memory counts a ring for a while after its close
        try { ring = new Ring({ entries: 16, ...kinds[round % kinds.length] }); }
        catch (error) {
          if (error.code !== 'ENOMEM' || tries > 1000) throw error;
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
      const [input, output] = await ring.pipe();
      ring.registerFiles(8);
      await ring.open_direct('/dev/null');
      const [buffer] = ring.registerBuffers([Buffer.alloc(4096)]);
      const buffers = ring.bufferRing({ entries: 8, size: 1024 });
      const left = [
        ring.read(input, Buffer.alloc(10_000)),
        ring.read_fixed(input, buffer),
        ring.read(input, buffers),
        ring.poll_add(input, 1),
        ring.timeout(100_000),
        ring.chain().read(input, Buffer.alloc(1)).nop().submit(),
        ring.read_multishot(input, buffers).next(),
        ring.timeout_multishot(100_000).next(),
      ];
      const ends = Promise.allSettled(left);
      ring.messages().next();
      if (round % 2) ring.submit();
      if (round % 3 === 0) ring[Symbol.dispose]();
      else await ring.close();
      for (const end of await ends) {
        if (end.status !== 'rejected' || end.reason.code !== 'ECANCELED') throw end.reason ?? new Error('fulfilled');
      }
      closeSync(input);
      closeSync(output);
    };
    for (let round = 0; round < 20; round++) await cycle(round);
    gc();
    const before = counts();
    const heap = process.memoryUsage().heapUsed;
    for (let round = 0; round < 1000; round++) await cycle(round);
    // without garbage collection, which must not be needed to free things
    const after = counts();
    gc();
    console.log(JSON.stringify({
      fds: after.fds - before.fds, threads: after.threads - before.threads, blocks: after.blocks - before.blocks,
      maps: after.maps - before.maps, heap: process.memoryUsage().heapUsed - heap,
    }));`,
    { nodeFlags: ['--expose-gc'] },
  );
  const { heap, threads, ...left } = JSON.parse(output) as Record<string, number>;
  expect(left).toEqual({ fds: 0, blocks: 0, maps: 0 });
  // the kernel's worker threads end at any time
  expect(threads).toBeLessThan(10);
  expect(heap).toBeLessThan(4 << 20);
});

it('buffers live until their request is over; those of zero-copy sends until the notification', () => {
  const output = run(
    `
    const collected = async (ref) => {
      for (let i = 0; i < 10; i++) { await new Promise((resolve) => setImmediate(resolve)); gc(); }
      return ref.deref() === undefined;
    };
    const ring = new Ring();
    const ends = [];
    for (let i = 0; i < 4; i++) ends.push(await ring.pipe());
    const start = (prepare) => {
      const buffer = new Uint8Array(1 << 20);
      return [prepare(buffer), new WeakRef(buffer)];
    };
    const results = [];
    const [reading, one] = start((buffer) => ring.read(ends[0][0], buffer));
    const [vector, two] = start((buffer) => ring.readv(ends[1][0], [buffer]));
    const [chain, three] = start((buffer) => ring.chain().read(ends[2][0], buffer).nop().settle());
    const [, unsubmitted] = start((buffer) => (globalThis.chain = ring.chain().read(ends[3][0], buffer)));
    ring.submit();
    for (const ref of [one, two, three, unsubmitted]) results.push(await collected(ref));
    await ring.write(ends[0][1], Buffer.from('x'));
    await reading;
    results.push(await collected(one), await collected(two));
    const cancelled = vector.catch(({ code }) => code);
    await ring.cancel_fd(ends[1][0]);
    await ring.cancel_fd(ends[2][0]);
    results.push(await cancelled);
    await chain;
    results.push(await collected(two), await collected(three));
    await ring.close();
    console.log(results.join());`,
    { nodeFlags: ['--expose-gc'] },
  );
  expect(output).toBe('false,false,false,false,true,false,ECANCELED,true,true');
});

it('a zero-copy send is settled by its notification, and not before', () => {
  const output = run(
    `
    import { connect, createServer } from 'node:net';
    import { once } from 'node:events';
    // a receiver that does not read: the kernel may still send the rest from the buffer
    const sockets = [];
    const server = createServer({ pauseOnConnect: true }, (socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const ring = new Ring();
    const fd = await ring.socket(2, 1);
    await ring.connect(fd, { address: '127.0.0.1', port: server.address().port });
    const data = Buffer.alloc(1 << 20, 'zero-copy ');
    const sending = ring.send_zc(fd, data, data.length, 0x100 /* MSG_WAITALL */);
    let settled = false;
    sending.then(() => { settled = true; });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const early = settled;
    while (sockets.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const [socket] = sockets;
    const hash = [];
    socket.on('data', (part) => hash.push(part));
    const end = once(socket, 'end');
    socket.resume();
    const sent = await sending;
    await ring.shutdown(fd, 1);
    await end;
    console.log(early, sent, Buffer.concat(hash).equals(data), ring.pending);
    server.close();
    socket.end();
    await ring.close();`,
  );
  expect(output).toBe(`false ${1 << 20} true 0`);
});
