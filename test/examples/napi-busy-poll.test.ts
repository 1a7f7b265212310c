/** The ping/pong programs, each side in both languages. */
import { describe, expect, it } from 'vitest';
import { both, freePort, isBound, run, start } from '../support/programs.js';

const pings = 200;
const pairs = both('napi-busy-poll-server').flatMap((server) =>
  both('napi-busy-poll-client').map((client) => ({ server, client, name: `${client.language} to ${server.language}` })),
);

describe.each(pairs)('napi-busy-poll from $name', ({ server, client }) => {
  it.each([
    ['over IPv4', '127.0.0.1', []],
    ['over IPv6', '::1', ['-6']],
    ['in a busy loop', '127.0.0.1', ['-b']],
    ['with deferred completions', '127.0.0.1', ['-d1']],
    ['with a thread that submits', '127.0.0.1', ['-s', '1']],
  ])('%s', async (_, address, list) => {
    const port = await freePort();
    const common = ['-a', address, '-p', `${port}`, '-n', `${pings}`, ...list];
    const listening = start(server.program, ['-l', ...common]);
    await listening.until(() => isBound(list.includes('-6') ? 'udp6' : 'udp', port), 'listening');
    const sent = await start(client.program, common).result();
    const received = await listening.result();

    // an ordinary user keeps the ordinary scheduler; a kernel without CONFIG_NET_RX_BUSY_POLL has nothing to unregister
    const noNapi = /^(sched_setscheduler\(\) failed: .*\n)?(io_uring_unregister_napi: -\d+\n)?$/;
    expect(sent.stderr).toMatch(noNapi);
    expect(sent.stdout).toMatch(
      new RegExp(
        `^Connecting to ${address}\\.\\.\\. \\(port=${port}\\) to send ${pings} pings\n` +
          ' (unassigned napi id|napi id: \\d+)\n' +
          ' rtt\\(us\\) min/avg/max/mdev = (\\d+\\.\\d{3}/){3}\\d+\\.\\d{3}\n$',
      ),
    );
    const [min = 0, avg = 0, max = 0] = (sent.stdout.match(/\d+\.\d{3}/g) ?? []).map(Number);
    expect(min).toBeGreaterThan(0);
    expect(avg).toBeGreaterThan(min);
    expect(max).toBeGreaterThan(avg);
    expect(max).toBeLessThan(20_000_000);
    expect(received.stderr).toMatch(noNapi);
    expect(received.stdout).toMatch(
      new RegExp(`^Listening ${address} : ${port}\\.\\.\\.\n (unassigned napi id|napi id: \\d+)\n$`),
    );
    expect({ client: sent.status, server: received.status }).toEqual({ client: 0, server: 0 });
  });
});

describe.each(['napi-busy-poll-client', 'napi-busy-poll-server'])('%s', (name) => {
  it.each([[[]], [['-h']], [['-a', '127.0.0.x', '-p', '1']], [['-Z']], [['-a']], [['--timeout']]])(
    'reports like C for the arguments %j',
    (list) => {
      const [ours, theirs] = both(name).map(({ program }) => run(program, list));
      // for a wrong address, C prints what getopt happened to leave behind
      const known = (text = ''): string =>
        text.replace(/^Usage: \S+/gm, 'Usage: PROGRAM').replace(/(inet_pton error for) .*/, '$1 ADDRESS');
      expect(ours?.status).toBe(theirs?.status);
      expect(ours?.stdout).toBe(theirs?.stdout);
      expect(known(ours?.stderr)).toBe(known(theirs?.stderr));
    },
  );
});
