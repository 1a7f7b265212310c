import { type Case, inC, type Kind, other, ours, type Side } from '../case.js';

/** The flags of the rings, the same for all. */
const SETUP = 'defer';
/** liburing's example has a table of 1024 fds. */
const MOST_OF_EXAMPLE = 512;

/** The servers, for a client with these arguments. */
export function servers(client: readonly string[], withExample: boolean): [Side, ...Side[]] {
  const served = (side: Side): Side => ({
    ...side,
    measured: 'serves',
    client: { language: 'c', name: 'echo-client', args: client },
  });
  return [
    served(inC('C', 'echo', SETUP)),
    served(ours('C interface', 'echo-c', SETUP)),
    served(ours('await', 'echo', 'await', SETUP)),
    ...(withExample ? [served(inC("C, liburing's echo-server", 'echo-server'))] : []),
    served(other('node:net', 'echo', 'net')),
    { ...served(other('Bun.listen', 'echo', 'bun')), only: 'bun' },
    { ...served(other('Deno.listen', 'echo', 'deno')), only: 'deno' },
  ];
}

const echo = (connections: number, bytes: number): Case => ({
  id: `echo/${connections}/${bytes}`,
  title: `TCP echo, ${connections} connections, ${bytes} bytes`,
  unit: 'ns/op',
  comparison: 'speed',
  sides: servers([String(connections), String(bytes)], connections <= MOST_OF_EXAMPLE),
});

export const echoes: Kind = {
  name: 'echo',
  summary: 'TCP echo on loopback, beside node:net and the servers of Bun and Deno',
  cases: () => [1, 64, 512, 4096].flatMap((connections) => [64, 16384].map((bytes) => echo(connections, bytes))),
};
