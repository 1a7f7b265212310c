/** The call as source text, in TypeScript and in C. */
import type { CParameter } from '../dist/encode.js';
import type { Step } from './call.js';
import type { Integer } from './integer.js';

const MAX_INT32 = 0x7fffffffn;

/** JavaScript's | makes a signed 32-bit number of its operands, so names are used only where that changes nothing. */
function inTypeScript({ value, terms }: Integer): string {
  const small = value <= MAX_INT32 && value >= -MAX_INT32;
  if (terms.length > 1 && !small) return inTypeScript({ value, terms: [{ text: `0x${value.toString(16)}`, value }] });
  if (!Number.isSafeInteger(Number(value))) return `${terms[0]?.text}n`;
  return terms.map(({ text }) => (text === 'NULL' ? '0' : text.replace(/^(-?)0+(?=[0-7])/, '$10o'))).join(' | ');
}

export function typeScriptCall(steps: readonly Step[]): string {
  const imports = { encode: new Set(['loadEncoder']), linux: new Set<string>() };
  const calls = steps.map(({ signature, args }, i) => {
    const list = [...args].map(([name, integer]) => {
      const text = inTypeScript(integer);
      for (const term of integer.terms) {
        if (term.module && text.includes(term.text)) imports[term.module].add(term.text.replace('-', ''));
      }
      return `${name}: ${text}`;
    });
    const object = list.length > 0 ? `{ ${list.join(', ')} }` : '{}';
    return `${i === 0 ? 'let bytes' : 'bytes'} = encode('${signature.name}', ${object}${i === 0 ? '' : ', bytes'});`;
  });
  const importLines = Object.entries(imports)
    .filter(([, names]) => names.size > 0)
    .map(([module, names]) => `import { ${[...names].join(', ')} } from 'liburing-wasm/${module}';`);
  if (calls.length === 1) calls[0] = calls[0]?.replace('let', 'const') ?? '';
  return [...importLines, '', 'const { encode } = await loadEncoder();', ...calls].join('\n');
}

function inC({ kind, bits }: CParameter, { value, terms }: Integer): string {
  if (kind === 'pointer' && value === 0n) return 'NULL';
  const text = terms.map((term) => term.text).join(' | ');
  if (kind === 'pointer') return terms.length > 1 ? `(void *) (${text})` : `(void *) ${text}`;
  if (value === -(1n << 63n)) return 'INT64_MIN';
  return bits === 64 && value > MAX_INT32 && terms.length === 1 && !terms[0]?.module ? `${text}ULL` : text;
}

export function cCall(steps: readonly Step[]): string {
  return steps
    .map(({ signature, args }) => {
      const list = signature.parameters.map((parameter) => {
        const integer = args.get(parameter.name);
        return integer ? inC(parameter, integer) : 'sqe';
      });
      return `${signature.name}(${list.join(', ')});`;
    })
    .join('\n');
}
