/** Emits C prototypes as data. */
import type { Model } from './model.js';
import { sqeSize } from './semantics.js';

/** C prototypes as data, for tools that take calls as text. */
export function emitSignatures(model: Model, banner: string): string {
  const rows = model.functions.map(({ name, result: { c }, parameters }) => {
    const list = parameters.map((parameter) => {
      const { type } = parameter;
      const number = type.kind === 'integer' ? `, bits: ${type.bits}, signed: ${type.signed}` : '';
      return `{ name: '${parameter.name}', c: '${type.c}', kind: '${type.kind}'${number} }`;
    });
    return `  { name: '${name}', result: '${c}', sqeSize: ${sqeSize(name)}, parameters: [${list.join(', ')}] },`;
  });
  return `// ${banner}
/** A parameter of a C function. */
export interface CParameter {
  readonly name: string;
  /** Its type as the header spells it. */
  readonly c: string;
  readonly kind: 'integer' | 'pointer' | 'struct';
  readonly bits?: number;
  readonly signed?: boolean;
}

/** A C function of liburing's. */
export interface CSignature {
  readonly name: string;
  readonly result: string;
  /** Bytes of the SQE that it writes, if it writes one. */
  readonly sqeSize: 64 | 128;
  readonly parameters: readonly CParameter[];
}

/** The prototypes of all functions, in the order of the headers. */
export const signatures: readonly CSignature[] = [
${rows.join('\n')}
];
`;
}
