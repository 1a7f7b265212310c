import { type Case, inC, type Kind, ours, type Side } from '../case.js';
import { servers } from './echo.js';

const IDLE = 2048;

const collecting = (side: Side): Side => ({ ...side, collects: true });

const ring = (entries: string): Case => ({
  id: `memory/ring/${entries}`,
  title: `resident memory of a ring of ${entries} entries, once all of it was used`,
  unit: 'bytes',
  comparison: 'size',
  sides: [
    inC('C', 'memory', 'ring', entries),
    collecting(ours('C interface', 'memory', 'c', 'ring', entries)),
    collecting(ours('await', 'memory', 'await', 'ring', entries)),
  ],
});

export const memory: Kind = {
  name: 'memory',
  summary: 'resident memory: rings, ten million operations, idle connections',
  cases: () => [
    ring('256'),
    ring('4096'),
    {
      id: 'memory/growth',
      title: 'growth of the resident memory over ten million NOPs',
      unit: 'bytes',
      comparison: 'difference',
      sides: [
        inC('C', 'memory', 'growth'),
        collecting(ours('C interface', 'memory', 'c', 'growth')),
        collecting(ours('await', 'memory', 'await', 'growth')),
      ],
    },
    {
      id: 'memory/idle',
      title: `resident memory of an idle connection of an echo server that has ${IDLE}`,
      unit: 'bytes',
      comparison: 'size',
      sides: servers([String(IDLE), '0'], false),
    },
  ],
};
