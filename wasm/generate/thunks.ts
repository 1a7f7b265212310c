/**
 * Emits C functions in a form that JavaScript calls cheaply. At the boundary an i64 is a BigInt, and making one costs
 * more than running most of these functions. So pointers into wasm memory are 32-bit integers here; other addresses,
 * sizes and offsets are doubles, which are exact up to 2^53.
 */
import type { CFunction, CType, Model, Parameter } from './model.js';

/** Whether a function's numeric form differs from its own. */
export function hasNumericForm({ result, parameters }: CFunction): boolean {
  return [result, ...parameters.map(({ type }) => type)].some(
    (type) => type.kind === 'pointer' || type.kind === 'struct' || (type.kind === 'integer' && type.bits === 64),
  );
}

/** Whether a numeric form cannot pass a value exactly: it is a 64-bit integer, and neither pointer nor size. */
export function isExact64(type: CType): boolean {
  return type.kind === 'integer' && type.bits === 64 && type.role === 'number';
}

function parameterIn({ name, type, access }: Parameter): { declared: string; passed: string } {
  if (type.kind === 'pointer') {
    return access === 'any'
      ? { declared: `double ${name}`, passed: `(${type.c}) (long) ${name}` }
      : { declared: `unsigned int ${name}`, passed: `(${type.c}) (unsigned long) ${name}` };
  }
  if (type.kind === 'integer' && type.bits === 64) {
    return { declared: `double ${name}`, passed: `(${type.c}) (long) ${name}` };
  }
  return { declared: `${type.c} ${name}`, passed: name };
}

function thunk({ name, result, parameters }: CFunction): string {
  const inputs = parameters.map(parameterIn);
  const declared = inputs.map((input) => input.declared);
  const call = `${name}(${inputs.map((input) => input.passed).join(', ')})`;
  let returned: string = result.c;
  let body = `return ${call};`;
  if (result.kind === 'void') {
    body = `${call};`;
  } else if (result.kind === 'struct') {
    returned = 'void';
    declared.unshift('unsigned int returned');
    body = `*(${result.c} *) (unsigned long) returned = ${call};`;
  } else if (result.kind === 'pointer' && result.to === 'struct') {
    returned = 'unsigned int';
    body = `return (unsigned int) (unsigned long) ${call};`;
  } else if (result.kind === 'pointer' || (result.kind === 'integer' && result.bits === 64)) {
    returned = 'double';
    body = `return (double) (long) ${call};`;
  }
  return `NUMERIC("${name}.number")
${returned} number_${name}(${declared.join(', ') || 'void'});
${returned} number_${name}(${declared.join(', ') || 'void'})
{
	${body}
}
`;
}

export function emitThunks(model: Model, banner: string): string {
  return `/* ${banner} */
#include <liburing.h>

#define NUMERIC(name) __attribute__((export_name(name)))

${model.functions.filter(hasNumericForm).map(thunk).join('\n')}`;
}
