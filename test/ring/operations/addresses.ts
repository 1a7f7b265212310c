/** Socket addresses, compared with how the kernel and C read them. */

import { spawnSync } from 'node:child_process';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSocketAddress } from '../../../src/index.js';
import { encodeSocketAddress } from '../../../src/ring/socket-address.js';
import { compileC } from '../../support/subprocess.js';

/**
 * Prints a line for each line of input: the bytes of the address's struct with port 0x1234, or "no" for text that is no
 * address.
 */
const reference = `
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
static void print(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%02x", ((const unsigned char *)p)[i]);
	puts("");
}
int main(void)
{
	char line[256];
	while (fgets(line, sizeof(line), stdin)) {
		struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(0x1234) };
		struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(0x1234) };
		line[strcspn(line, "\\n")] = 0;
		if (inet_pton(AF_INET, line, &four.sin_addr) == 1)
			print(&four, sizeof(four));
		else if (inet_pton(AF_INET6, line, &six.sin6_addr) == 1)
			print(&six, sizeof(six));
		else
			puts("no");
	}
}`;

function askC(lines: readonly string[]): string[] {
  const { program, clean } = compileC(reference);
  const { stdout } = spawnSync(program, { input: lines.join('\n'), encoding: 'utf8' });
  clean();
  return stdout.split('\n').slice(0, -1);
}

const encoded = (address: string): string => {
  try {
    return Buffer.from(encodeSocketAddress({ address, port: 0x1234 }, 'addr')).toString('hex');
  } catch {
    return 'no';
  }
};

const almost = fc
  .array(fc.constantFrom('1', '0', 'ffff', '12345', '::', ':', '.', '1.2.3.4', '255', '256', '01', 'g', '%1', ' '), {
    minLength: 1,
    maxLength: 9,
  })
  .map((parts) => parts.join(''));
const words = fc.array(fc.constantFrom('0', '00', '1', 'FFFF', 'fe80', 'abcd', '0db8'), { minLength: 8, maxLength: 8 });

describe('addresses', () => {
  it('have the bytes of inet_pton(3), or are refused like it', () => {
    const texts = fc.sample(
      fc.oneof(
        fc.ipV4(),
        fc.ipV6(),
        words.map((list) => list.join(':')),
        almost,
      ),
      {
        numRuns: 5000,
        seed: 5,
      },
    );
    texts.push('0.0.0.0', '255.255.255.255', '010.1.1.1', '1.1.1', '::', '::1', '::ffff:1.2.3.4', '1:2:3:4:5:6:7::');
    texts.push('::1.02.3.4', '1::2::3', ':1', '1:', 'fe80::1%lo', '[::1]', '::1]', '::1/8', '1.2.3.4.5', '0x1.1.1.1');
    const expected = askC(texts);
    expect(expected.length).toBe(texts.length);
    const differing = texts.filter((text, index) => encoded(text) !== expected[index]);
    expect(differing).toEqual([]);
    expect(texts.filter((text) => isIP(text)).length).toBeGreaterThan(1000);
  });

  it('of IP decode to what was encoded', () => {
    const ip = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(ip, fc.integer({ min: 0, max: 65535 }), (address, port) => {
        const bytes = encodeSocketAddress({ address, port }, 'addr');
        const back = decodeSocketAddress(bytes) as { address: string; port: number };
        expect(isIP(back.address)).toBe(isIP(address));
        expect(back.port).toBe(port);
        expect(encodeSocketAddress(back, 'addr')).toEqual(bytes);
      }),
    );
  });

  it('that are paths and abstract names decode to what was encoded', () => {
    const path = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(path, fc.boolean(), (text, abstract) => {
        fc.pre(!text.includes('\0') && Buffer.byteLength(text) <= 106);
        const value = { path: abstract ? `\0${text}` : text };
        expect(decodeSocketAddress(encodeSocketAddress(value, 'addr'))).toEqual(value);
      }),
    );
  });

  it('that are wrong are refused in one sentence', () => {
    const refusal = (value: unknown): string => {
      try {
        encodeSocketAddress(value as never, 'addr');
        return 'none';
      } catch (error) {
        expect(['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE', 'ERR_OUT_OF_RANGE']).toContain(
          (error as NodeJS.ErrnoException).code,
        );
        return (error as Error).message;
      }
    };
    expect(refusal({ address: '1.2.3', port: 1 })).toBe('addr.address must be an IPv4 or IPv6 address, not "1.2.3"');
    expect(refusal({ address: '1.2.3.4', port: 65536 })).toBe('addr.port is 65536, and ports go from 0 to 65535');
    expect(refusal({ address: '1.2.3.4', port: '80' })).toBe('addr.port must be an integer, not "80"');
    expect(refusal({ address: 7, port: 1 })).toBe(
      'addr must be an address and a port, a path, or a sockaddr, not Object',
    );
    expect(refusal({ path: '' })).toBe("addr.path has 0 bytes, and a socket's path has 1 to 107");
    expect(refusal({ path: 'x'.repeat(108) })).toBe("addr.path has 108 bytes, and a socket's path has 1 to 107");
    expect(refusal({ path: `\0${'x'.repeat(108)}` })).toBe("addr.path has 109 bytes, and a socket's path has 1 to 108");
    expect(refusal({ path: 'a\0b' })).toMatch(/^addr\.path must be a path without NUL/);
    expect(refusal(7)).toMatch(/^addr must be/);
    expect(refusal({ path: 7 })).toMatch(/^addr\.path must be/);
    expect(() => decodeSocketAddress(new Uint8Array([99, 0, 1, 2]))).toThrow(/family 99, 4 bytes/);
    expect(() => decodeSocketAddress(new Uint8Array(1))).toThrow(TypeError);
  });
});
