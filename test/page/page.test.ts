/** The page, in a real browser. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serve } from '../../page/tools/serve.js';
import { type CallArguments, type CParameter, encoders, loadEncoder } from '../../src/encode.js';
import { root } from '../support/subprocess.js';

const { encode } = await loadEncoder();
const profile = mkdtempSync(join(tmpdir(), 'liburing-wasm-page-'));
const { server, url } = await serve(join(root, 'build/page'), 0);
const shots = process.env.PAGE_SCREENSHOTS;

let context: BrowserContext;
let page: Page;
const strangers: string[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  expect(existsSync('/usr/bin/chromium'), 'make page-test-tools installs chromium').toBe(true);
  context = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    headless: true,
    chromiumSandbox: false,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(5_000);
  page = await context.newPage();
  context.on('request', (sent) => {
    if (!sent.url().startsWith(url)) strangers.push(sent.url());
  });
  context.on('console', (message) => {
    if (message.type() !== 'log') complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
});

afterAll(async () => {
  await context.close();
  server.close();
  rmSync(profile, { recursive: true, force: true });
});

beforeEach(() => {
  strangers.length = 0;
  complaints.length = 0;
});

let opened = 0;

/** Loads the page anew. A new fragment alone would not do that. */
async function open(hash = ''): Promise<void> {
  await page.goto(`${url}?${++opened}${hash}`);
  await page.waitForSelector('body[data-ready]');
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const shownHex = async (): Promise<string> => ((await page.textContent('#hex')) ?? '').replace(/\s/g, '');

/** An argument for a C parameter, different for each position and as wide as its type. */
function sample({ kind, c, bits = 64, signed = false }: CParameter, position: number): bigint {
  if (kind === 'pointer') return 0x7fff_dead_0000n + 0x1001n * BigInt(position);
  if (c === 'size_t') return 0x0001_2345_6789_0000n + BigInt(position);
  const distinct = BigInt(`0x${String(position + 1).repeat(bits / 4)}`);
  return signed ? -distinct / 2n : distinct;
}

describe('every function of the table', () => {
  beforeAll(() => open());

  for (const [name, { parameters }] of encoders) {
    it(`${name} has the bytes that Node computes`, async () => {
      await page.selectOption('#input-call', name);
      const wanted = parameters.filter((parameter) => parameter.name !== 'sqe');
      const args = wanted.map((parameter, i) => [parameter.name, sample(parameter, i)] as const);
      for (const [i, [parameter, value]] of args.entries()) {
        const text = i % 2 && value > 0 ? `0x${value.toString(16)}` : `${value}`;
        await page.fill(`[id="input-${parameter}"]`, text);
      }
      expect(await page.locator('#result.stale').count()).toBe(0);
      expect(await shownHex()).toBe(hexOf(encode(name, Object.fromEntries(args) as CallArguments)));
      const cells = await page.locator('#bytes .cells span').allTextContents();
      expect(cells.join('')).toBe(await shownHex());
      expect(strangers).toEqual([]);
      expect(complaints).toEqual([]);
    });
  }
});

describe('a call', () => {
  it('may consist of several functions, and can be copied as source', async () => {
    await open();
    await page.selectOption('#input-call', 'io_uring_prep_openat');
    await page.fill('#input-flags', 'O_RDWR|O_CREAT');
    await page.fill('#input-mode', '0644');
    await page.fill('[id="input-sqe.user_data"]', '0xffffffffffffffff');
    await page.check('#flag-IOSQE_IO_LINK');
    await page.check('#flag-IOSQE_ASYNC');
    let bytes = encode('io_uring_prep_openat', { dfd: -100, path: 0x2000, flags: 0o102, mode: 0o644 });
    bytes = encode('io_uring_sqe_set_data64', { data: 0xffffffffffffffffn }, bytes);
    bytes = encode('io_uring_sqe_set_flags', { flags: 4 + 16 }, bytes);
    expect(await shownHex()).toBe(hexOf(bytes));
    expect(await page.textContent('#c')).toBe(
      [
        'io_uring_prep_openat(sqe, AT_FDCWD, (void *) 0x2000, O_RDWR | O_CREAT, 0644);',
        'io_uring_sqe_set_data64(sqe, 0xffffffffffffffffULL);',
        'io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK | IOSQE_ASYNC);',
      ].join('\n'),
    );
    const source = (await page.textContent('#typescript')) ?? '';
    expect(source).toContain("import { AT_FDCWD, O_RDWR, O_CREAT } from 'liburing-wasm/linux';");
    expect(source).toContain('dfd: AT_FDCWD, path: 0x2000, flags: O_RDWR | O_CREAT, mode: 0o644 }');
    expect(source).toContain("bytes = encode('io_uring_sqe_set_data64', { data: 0xffffffffffffffffn }, bytes);");
    await page.click('[aria-label="Copy C"]');
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(await page.textContent('#c'));
    expect(await page.textContent('tr[data-field="flags"]')).toContain('IOSQE_IO_LINK | IOSQE_ASYNC');
    expect(await page.textContent('tr[data-field="addr"]')).toContain('path');
  });

  const wrong: [input: string, text: string, sentence: RegExp][] = [
    ['fd', '', /lacks its argument fd \(int\)/],
    ['fd', '2147483648', /fd is 2147483648, and C's int goes from -2147483648 to 2147483647/],
    ['nbytes', '-1', /what C makes of it is 4294967295/],
    ['buf', '0x8000000000000000', /an address goes from 0 to/],
    ['offset', '0x1_0', /^0x1_0 is no integer/],
    ['offset', '089', /octal/],
    ['nbytes', 'POLLINN', /no constant POLLINN; do you mean POLLIN\?/],
    ['nbytes', '1|', /both sides/],
    ['sqe.flags', '0x100000000', /flags is 4294967296/],
  ];
  for (const [input, text, sentence] of wrong) {
    it(`with ${input} ${JSON.stringify(text)} has a sentence at its field`, async () => {
      await open();
      const before = await shownHex();
      const field = page.locator(`[id="input-${input}"]`);
      await field.fill(text);
      expect(await field.getAttribute('aria-invalid')).toBe('true');
      const described = await field.getAttribute('aria-describedby');
      expect(await page.textContent(`[id="${described}"]`)).toMatch(sentence);
      expect(await page.locator('[aria-invalid]').count()).toBe(1);
      expect(await page.locator('#result.stale').count()).toBe(1);
      expect(await shownHex()).toBe(before);
      await field.fill('1');
      expect(await page.locator('[aria-invalid]').count()).toBe(0);
      expect(await page.locator('#result.stale').count()).toBe(0);
    });
  }

  it('shows all mistakes at once', async () => {
    await open('#call=io_uring_prep_read&fd=x&nbytes=-1');
    expect(await page.locator('[aria-invalid]').count()).toBe(2);
    expect(await page.locator('#result').isHidden()).toBe(true);
  });

  it('of an unknown function, or with an unknown argument, shows a sentence', async () => {
    await open('#call=io_uring_prep_raed');
    expect(await page.textContent('#error-call')).toMatch(/do you mean io_uring_prep_read\?/);
    await open('#call=io_uring_prep_nop&fdd=1');
    expect(await page.textContent('#error-call')).toMatch(/no argument fdd/);
    expect(complaints).toEqual([]);
  });

  it('never interprets the address as HTML', async () => {
    await open(`#call=${encodeURIComponent('<img src=x onerror=alert(1)>')}`);
    await open(`#call=io_uring_prep_read&fd=${encodeURIComponent('<img src=x onerror=alert(1)>')}`);
    expect(await page.locator('img').count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});

describe('the keyboard', () => {
  it('finds a function, and moves over its bytes', async () => {
    await open();
    await page.focus('#filter');
    await page.keyboard.type('accept direct');
    expect(await page.textContent('#note-call')).toMatch(/^2 of/);
    await page.keyboard.press('Enter');
    expect(page.url()).toContain('#call=io_uring_prep_accept_direct&');
    await page.focus('.grid button');
    await page.keyboard.press('End');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    const focused = page.locator(':focus');
    expect(await focused.getAttribute('aria-label')).toMatch(/^flags, byte 1: 00/);
    expect(await page.locator('.lit').count()).toBeGreaterThan(1);
    expect(await page.locator('.grid button[tabindex="0"]').count()).toBe(1);
  });

  it('can name every input and button', async () => {
    await open();
    const nameless = await page.evaluate(
      () =>
        [...document.querySelectorAll<HTMLInputElement>('input, select, textarea, button')].filter(
          (each) => !each.getAttribute('aria-label') && !each.labels?.length,
        ).length,
    );
    expect(nameless).toBe(0);
  });

  it('links an argument with its bytes and its row', async () => {
    await open();
    await page.fill('#input-offset', '9');
    expect(await page.locator('.grid .lit').getAttribute('data-field')).toBe('off');
    expect(await page.locator('tr.lit').getAttribute('data-field')).toBe('off');
  });
});

describe('the address', () => {
  it('holds the state over a reload', async () => {
    await open();
    await page.selectOption('#input-call', 'io_uring_prep_poll_add');
    await page.fill('#input-poll_mask', 'POLLIN|POLLOUT');
    await page.check('#flag-IOSQE_IO_DRAIN');
    const hex = await shownHex();
    await page.reload();
    await page.waitForSelector('body[data-ready]');
    expect(await shownHex()).toBe(hex);
    expect(await page.inputValue('#input-poll_mask')).toBe('POLLIN|POLLOUT');
    expect(await page.isChecked('#flag-IOSQE_IO_DRAIN')).toBe(true);
    expect(await page.inputValue('#input-call')).toBe('io_uring_prep_poll_add');
  });

  it('goes back and forward by edits', async () => {
    await open('#call=io_uring_prep_read&fd=5');
    await page.focus('#input-fd');
    await page.keyboard.type('67');
    await page.selectOption('#input-call', 'io_uring_prep_nop');
    await page.goBack();
    expect(await page.inputValue('#input-call')).toBe('io_uring_prep_read');
    expect(await page.inputValue('#input-fd')).toBe('567');
    await page.goBack();
    expect(await page.inputValue('#input-fd')).toBe('5');
    await page.goForward();
    await page.goForward();
    expect(await page.inputValue('#input-call')).toBe('io_uring_prep_nop');
  });
});

describe('pasted bytes', () => {
  const read = encode('io_uring_prep_read', { fd: 3, buf: 0x1000, nbytes: 4096, offset: 0 });

  it('are decoded, with what is reserved', async () => {
    await open();
    await page.click('#to-decode');
    const pasted = read.slice();
    pasted[56] = 7;
    const spaced = hexOf(pasted).replace(/../g, '0x$&, ');
    await page.fill('#input-hex', spaced);
    expect(await page.textContent('#operation')).toBe('IORING_OP_READ (22)');
    expect(await page.textContent('#warnings')).toMatch(/byte 56 is 7/);
    expect(await page.textContent('tr[data-field="addr"]')).toMatch(/4096.*0x1000.*buf/);
    await page.reload();
    await page.waitForSelector('body[data-ready]');
    expect(await shownHex()).toBe(hexOf(pasted));
  });

  it('are flagged if a part of a member is unused but not zero', async () => {
    const command = encode('io_uring_prep_uring_cmd', { cmd_op: 1, fd: 3 });
    command[13] = 9;
    await open(`#hex=${hexOf(command)}`);
    expect(await page.textContent('#warnings')).toMatch(/12 /);
  });

  it('may be 128, or of an unknown operation', async () => {
    await open(`#hex=${hexOf(encode('io_uring_prep_uring_cmd128', { cmd_op: 1, fd: 3 }))}`);
    expect(await page.locator('.grid .cells span').count()).toBe(128);
    await open(`#hex=${'ff'.repeat(64)}`);
    expect(await page.textContent('#operation')).toBe('Unknown opcode 255');
    expect(complaints).toEqual([]);
  });

  for (const [text, sentence] of [
    ['', /64 or 128 bytes, not 0/],
    ['00 0', /3 hex digits/],
    ['00'.repeat(63), /64 or 128 bytes, not 63/],
    ['zz', /z is no hex digit/],
  ] as const) {
    it(`that are ${JSON.stringify(text.slice(0, 8))} … have a sentence at their field`, async () => {
      await open(`#hex=${hexOf(read)}`);
      await page.fill('#input-hex', text);
      expect(await page.getAttribute('#input-hex', 'aria-invalid')).toBe('true');
      expect(await page.textContent('#error-hex')).toMatch(sentence);
      expect(await page.locator('#result.stale').count()).toBe(1);
      expect(await shownHex()).toBe(hexOf(read));
    });
  }
});

/** The WCAG contrast of an element's text with its background. */
function contrast(element: Element): number {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const paint = (colour: string): number[] => {
    if (!canvas) throw new Error('no canvas');
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  let behind: Element | null = element;
  while (behind && paint(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  const luminance = (colour: string): number => {
    const [r = 0, g = 0, b = 0] = paint(colour).map((each) => {
      const part = each / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const pair = [
    luminance(getComputedStyle(element).color),
    luminance(getComputedStyle(behind ?? element).backgroundColor),
  ];
  return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
}

describe('the design', () => {
  for (const scheme of ['light', 'dark'] as const) {
    it(`is ${scheme} and readable, on a wide screen and on a phone`, async () => {
      await page.emulateMedia({ colorScheme: scheme });
      await open('#call=io_uring_prep_splice&nbytes=x');
      await open('#call=io_uring_prep_splice&fd_in=5&nbytes=65536&sqe.user_data=0xc0ffee&sqe.flags=IOSQE_IO_LINK');
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      expect(ground).toBe(scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 23, 27)');
      const texts = page.locator('.name, h2, p:not(:empty), label, td, th, .offset, pre, nav a');
      const contrasts = await texts.evaluateAll((elements, source) => {
        const measure = new Function(`return (${source})`)() as (element: Element) => number;
        return elements.filter((each) => each.textContent && each.checkVisibility()).map(measure);
      }, contrast.toString());
      expect(contrasts.length).toBeGreaterThan(50);
      expect(Math.min(...contrasts)).toBeGreaterThan(4.5);
      for (const [kind, width] of [
        ['wide', 1280],
        ['phone', 360],
      ] as const) {
        await page.setViewportSize({ width, height: 900 });
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(over, kind).toBeLessThanOrEqual(0);
        if (!shots) continue;
        mkdirSync(shots, { recursive: true });
        await page.screenshot({ path: join(shots, `${kind}-${scheme}.png`), fullPage: true });
      }
    });
  }
});

describe('the server', () => {
  const status = (path: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port: new URL(url).port, path }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });

  it('serves the files of its folder, and no others', async () => {
    expect(await status('/')).toBe(200);
    expect(await status('/dist/liburing.wasm?x')).toBe(200);
    for (const path of [
      '/../page-tools/serve.js',
      '/..%2fpage-tools%2fserve.js',
      '/app',
      '/none.js',
      '/%ff',
      '/%00',
      '//etc/passwd',
    ]) {
      expect(await status(path), path).toBe(404);
    }
  });
});
