import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ManPage, parametersOf, readManPages, tsdoc } from '../../wasm/generate/man.js';

const man = fileURLToPath(new URL('../../build/liburing/man', import.meta.url));
const map = fileURLToPath(new URL('../../build/liburing/src/liburing-ffi.map', import.meta.url));

let pages: Map<string, ManPage>;
beforeAll(() => {
  pages = readManPages(man);
});

const page = (name: string, of = pages): ManPage => {
  const found = of.get(name);
  if (!found) throw new Error(`no page for ${name}`);
  return found;
};

const prototypeOf = ({ name, synopsis }: ManPage) => synopsis.find((text) => text.includes(`${name}(`));
const commentOf = (entry: ManPage, options = {}) => tsdoc(entry, parametersOf(prototypeOf(entry) ?? ''), options);

/** All Markdown of a page. */
const markdownOf = (entry: ManPage): string[] => [
  entry.summary,
  ...entry.description,
  ...entry.parameters.values(),
  entry.returns ?? '',
  ...entry.errors.flatMap(({ code, text }) => [code, text]),
  ...entry.errorNotes,
  ...entry.synopsis,
];

/** The text without code, in which everything is literal. */
const withoutCode = (text: string) => text.replace(/^\s*```c\n[\s\S]*?\n\s*```$/gm, '').replace(/`[^`\n]*`/g, '');

describe('all pages', () => {
  it('exist for nearly every public function', () => {
    const functions = [...readFileSync(map, 'utf8').matchAll(/^\s*(\w*io_uring_\w+);/gm)].map(([, name = '']) => name);
    expect(functions.length).toBeGreaterThan(210);
    expect(functions.filter((name) => pages.has(name)).length).toBeGreaterThanOrEqual(210);
  });

  it('have a summary, a description and a reference', () => {
    for (const entry of pages.values()) {
      expect(entry.page).toMatch(/^\w+\([23]\)$/);
      expect(entry.summary, entry.name).toMatch(/^[A-Z].*[^.]$/);
      expect(entry.description.length, entry.name).toBeGreaterThan(0);
      expect(entry.synopsis.length, entry.name).toBeGreaterThan(0);
      expect(commentOf(entry).at(-1)).toContain(`@see ${entry.page}`);
    }
  });

  it('contain no groff', () => {
    for (const entry of pages.values()) {
      for (const text of markdownOf(entry)) {
        expect(text, entry.name).not.toMatch(/\\[-&f]|\\\(|\\\[|\\"/);
        expect(text, entry.name).not.toMatch(/^\s*['.][A-Za-z]/m);
      }
    }
  });

  it('are safe inside a TSDoc comment', () => {
    for (const entry of pages.values()) {
      const all = commentOf(entry, { lines: Infinity, characters: Infinity, errors: Infinity });
      for (const text of [...markdownOf(entry), ...all]) expect(text, entry.name).not.toContain('*/');
      for (const text of markdownOf(entry).slice(0, -entry.synopsis.length)) {
        expect(withoutCode(text), entry.name).not.toMatch(/(?<!\\)[{}<>@]/);
      }
      const tags = all.join('\n').match(/^@\w+/gm) ?? [];
      expect(tags.filter((tag) => !/^@(param|returns|remarks|see)$/.test(tag))).toEqual([]);
    }
  });

  it('read as prose: no stray spaces, no joined words', () => {
    for (const entry of pages.values()) {
      for (const text of [...entry.description, ...entry.parameters.values(), entry.returns ?? '']) {
        const plain = text.replace(/^\s*```c\n[\s\S]*?\n\s*```$/gm, '');
        expect(plain, entry.name).not.toMatch(/ [.,;:)](?:\s|$)|\( |\S {2,}\S/);
        expect(plain, entry.name).not.toMatch(/``|[a-z]{2}[.,][A-Z][a-z]/);
      }
    }
  });

  it('name only parameters of the synopsis, each in its own sentence', () => {
    for (const entry of pages.values()) {
      const known = entry.synopsis.flatMap(parametersOf);
      for (const [parameter, text] of entry.parameters) {
        expect(known, entry.name).toContain(parameter);
        expect(text, entry.name).toMatch(/^[A-Z`].*\.$/);
        expect(/^The (?:[\w-]+ ){0,3}[\w-]+\.$/.test(text) || text.includes(`${parameter}\``), text).toBe(true);
      }
    }
  });

  it('respect the width and the caps', () => {
    for (const entry of pages.values()) {
      const comment = commentOf(entry);
      expect(Math.max(...comment.map((line) => line.length)), entry.name).toBeLessThanOrEqual(97);
      const description = comment.slice(
        2,
        comment.findIndex((line) => line.startsWith('@')),
      );
      expect(description.length, entry.name).toBeLessThanOrEqual(16);
      expect(description.join('').length, entry.name).toBeLessThan(1000);
      expect(description.filter(Boolean).at(-1), entry.name).not.toMatch(/:$|^\*\*/);
      for (const line of comment) expect(line.split('`').length % 2, `${entry.name}: ${line}`).toBe(1);
    }
  });
});

describe('single pages', () => {
  it('io_uring_prep_read', () => {
    const entry = page('io_uring_prep_read');
    expect(entry).toMatchObject({
      page: 'io_uring_prep_read(3)',
      since: '2.1',
      summary: 'Prepare I/O read request',
      returns: null,
      errors: [],
      synopsis: [
        'void io_uring_prep_read(struct io_uring_sqe *sqe, int fd, void *buf, unsigned nbytes, __u64 offset);',
      ],
    });
    expect(entry.description.at(2)).toBe('On files that are not capable of seeking, the offset must be 0 or -1.');
    expect(entry.errorNotes).toHaveLength(1);
    expect(commentOf(entry)).toContain('@param fd - The file descriptor.');
    expect(commentOf(entry)).toContain('@param offset - See `nbytes`.');
    expect(commentOf(entry).at(-1)).toBe('@see io_uring_prep_read(3), liburing 2.1');
  });

  it('io_uring_prep_timeout: tagged lists', () => {
    const entry = page('io_uring_prep_timeout');
    expect(entry.description).toContain('- `IORING_TIMEOUT_BOOTTIME`: The boottime clock source should be used.');
    expect(entry.errors.map(({ code }) => code)).toEqual(['-ETIME', '-EINVAL', '-EFAULT', '-ECANCELED']);
    expect(entry.errors[2]?.text).toBe('io_uring was unable to access the data specified by `ts`.');
    expect(entry.errors[1]?.text).toMatch(/nanoseconds were \\< 0\.$/);
    expect(commentOf(entry)).toContain('- …');
    expect(commentOf(entry)).toContain('- `-ECANCELED`: The timeout was canceled by a removal request.');
  });

  it('io_uring_setup_buf_ring: parameters, unclosed quotes in the synopsis', () => {
    const entry = page('io_uring_setup_buf_ring');
    expect(entry.synopsis).toEqual([
      'struct io_uring_buf_ring *io_uring_setup_buf_ring(struct io_uring *ring, unsigned int nentries, ' +
        'int bgid, unsigned int flags, int *err);',
    ]);
    expect(entry.parameters.get('bgid')).toBe('`bgid` is the chosen buffer group ID.');
    expect(entry.parameters.get('flags')).toBe('`flags` are modifier flags for the operation.');
    expect(entry.returns).toMatch(/^On success `io_uring_setup_buf_ring\(3\)` returns a pointer .* to -errno\.$/);
  });

  it('io_uring_queue_init_mem: one of several functions of a page', () => {
    const entry = page('io_uring_queue_init_mem');
    expect(entry.page).toBe('io_uring_queue_init(3)');
    expect(entry.since).toBe('0.7');
    expect([...entry.parameters.keys()]).toEqual(['entries', 'ring', 'params', 'buf', 'buf_size']);
    const comment = commentOf(entry).join(' ');
    expect(comment).toContain('`io_uring_queue_init_mem(3)` variants will pass the parameters');
    expect(comment).toContain('@returns `io_uring_queue_init_mem(3)` returns the number of bytes used');
  });

  it('io_uring_free_probe, io_uring_prep_cancel64, __io_uring_clone_buffers: names of other pages', () => {
    expect(page('io_uring_free_probe').summary).toBe('Free probe instance');
    expect(page('io_uring_prep_cancel64').page).toBe('io_uring_prep_cancel(3)');
    expect(page('io_uring_prep_cancel64').description).toEqual(page('io_uring_prep_cancel').description);
    expect(page('__io_uring_clone_buffers').page).toBe('io_uring_clone_buffers(3)');
    expect(page('io_uring_recvmsg_payload_length').page).toBe('io_uring_recvmsg_out(3)');
  });

  it('io_uring_register: the longest page', () => {
    const entry = page('io_uring_register');
    expect(entry.since).toBeNull();
    const blocks = entry.description.join('\n\n');
    expect(blocks).toContain('\n\n- `IORING_REGISTER_CLOCK`: Specifies which clock id');
    expect(blocks).toContain('```c\nstruct io_uring_buf_reg {\n    __u64 ring_addr;\n');
    expect(blocks).toContain('must be set to a pointer to a `struct io_uring_clone_buffers` and');
    expect(entry.parameters.has('arg')).toBe(false);
    expect(commentOf(entry).join('\n')).toContain('- …\n@see io_uring_register(2)');
  });

  it('io_uring_prep_send_zc_fixed: a prototype closed too early', () => {
    expect(prototypeOf(page('io_uring_prep_send_zc_fixed'))).toMatch(/unsigned zc_flags, unsigned buf_index\);$/);
  });
});

describe('a page of its own', () => {
  const directory = mkdtempSync(join(tmpdir(), 'man-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  const read = (description: string) => {
    const head = '.TH f 3 "today" "liburing-9.9" "liburing Manual"\n.SH NAME\nf \\- do it\n.SH SYNOPSIS\n';
    writeFileSync(join(directory, 'f.3'), `${head}.BI "int f(int " a ");"\n.SH DESCRIPTION\n${description}`);
    return page('f', readManPages(directory));
  };

  it('with an unknown macro or escape is an error that names the line', () => {
    expect(() => read('Text.\n.XY more\n')).toThrow(/f\.3:8: unknown groff macro \.XY/);
    expect(() => read('Text.\n.B \\*[x]\n')).toThrow(/f\.3:8: unknown groff escape \\\*/);
    expect(() => read("Text.\n'br\n")).toThrow(/f\.3:8: unknown groff macro \.br/);
  });

  it('has its fonts, escapes and hazards translated', () => {
    const text = read(
      'See \\fBread\\fR (2), \\fIa\\fP \\(em or\n.BR write (2),\n.RB ( X_Y ).\n.\\" gone\n' +
        'Mail @me about */ {x} <y> \\e and `z` in\n.IR struct iov .\nPlain io_uring, MAX_SIZE, -EINVAL.\n',
    ).description[0];
    expect(text).toBe(
      "See `read(2)`, `a` — or `write(2)`, (`X_Y`). Mail \\@me about \\*\\/ \\{x\\} \\<y\\> \\\\ and 'z' in " +
        '`struct iov`. Plain io_uring, `MAX_SIZE`, `-EINVAL`.',
    );
  });

  it('has its lists nested', () => {
    const { description } = read(
      'Before:\n.TP\n.B A\n.TP\n.B B\nBoth.\n\nMore.\n.RS\n.IP \\(bu 2\nInner.\n.RE\n.PP\nAfter.\n.EX\nint x; /* c */\n.EE\n',
    );
    expect(description).toEqual([
      'Before:',
      '- `A`, `B`: Both.\n\n  More.\n  - Inner.',
      'After.',
      '```c\nint x; // c\n```',
    ]);
  });

  it('is found through a symbolic link, under its own name', () => {
    read('The\n.BR f (3)\nfunction takes\n.IR a .\n');
    symlinkSync('f.3', join(directory, 'g.3'));
    expect(readManPages(directory).get('g')).toMatchObject({ name: 'g', page: 'f(3)', since: '9.9' });
    expect(tsdoc(page('f', readManPages(directory)), ['a', 'b'])).toEqual([
      'Do it.',
      '',
      'The `f(3)` function takes `a`.',
      '',
      '@param a - The `f(3)` function takes `a`.',
      '@see f(3), liburing 9.9',
    ]);
  });
});
