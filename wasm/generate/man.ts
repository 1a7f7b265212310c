import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';

export interface ManPage {
  /** The C function of this entry. One page may describe several functions. */
  name: string;
  /** The page that its text is from, e.g. `io_uring_prep_cancel(3)`; the target, if the page is a symbolic link. */
  page: string;
  /** The liburing version in the page's header. An earlier version may have the function, too. */
  since: string | null;
  summary: string;
  /** Blocks of Markdown, safe in a TSDoc comment: paragraphs, list items, code fences. */
  description: string[];
  /** A sentence about each C parameter that the page describes. */
  parameters: Map<string, string>;
  returns: string | null;
  errors: { code: string; text: string }[];
  errorNotes: string[];
  synopsis: string[];
}

interface Line {
  macro: string;
  args: string[];
  text: string;
}

interface Block {
  kind: 'text' | 'item' | 'code';
  depth: number;
  tag: string;
  text: string;
}

const STYLES = new Set(['B', 'I', 'BI', 'BR', 'IR', 'RB', 'RI']);
const STRUCTURE = new Set(['TH', 'SH', 'SS', 'PP', 'P', 'TP', 'IP', 'RS', 'RE', 'in', 'EX', 'EE', 'nf', 'fi']);
const ESCAPES: Record<string, string> = {
  '-': '-',
  '&': '',
  ' ': ' ',
  e: '\\',
  '\\': '\\',
  '(em': '—',
  '(aq': "'",
  '(bu': '•',
  '[bu]': '•',
};

/** Splits a page into text and macros. Throws for a macro that it does not know, so that nothing gets lost. */
function lex(source: string, file: string): Line[] {
  return source.split('\n').flatMap((raw, index) => {
    const unknown = (what: string) => new Error(`${file}:${index + 1}: unknown groff ${what}`);
    const unescaped = (text: string) =>
      text.replace(/\\(f[BIRP]|\(..|\[[^\]]*\]|.?)/g, (whole, name: string) => {
        const value = /^f./.test(name) ? whole : ESCAPES[name];
        if (value === undefined) throw unknown(`escape ${whole}`);
        return value;
      });
    if (/^\.\s*(\\"|$)/.test(raw)) return [];
    const line = raw.replace(/(?<!\\)\s*\\".*$/, '');
    const [, macro = '', rest = ''] = /^['.]\s*(\S*)\s*(.*)$/.exec(line) ?? [];
    if (!macro) return [{ macro, args: [], text: unescaped(line) }];
    if (!STYLES.has(macro) && !STRUCTURE.has(macro)) throw unknown(`macro .${macro}`);
    // A quote without its partner reaches to the end of the line; many prototypes rely on that.
    const args = [...rest.matchAll(/"([^"]*)(?:"|$)|(\S+)/g)].map((m) => unescaped(m[1] ?? m[2] ?? ''));
    return [{ macro, args, text: '' }];
  });
}

/** Splits a line by fonts: the odd elements are bold or italic, i.e. code. */
function segments({ macro, args, text }: Line): string[] {
  if (macro === '') return text.split(/\\f[BIRP]/);
  if (macro.length === 1) return ['', args.join(' ').replace(/ (?=\(\d\)$)/, '')];
  // `.IR struct foo ,` lacks quotes.
  const parts = args[0] === 'struct' ? [args.slice(0, 2).join(' '), ...args.slice(2)] : args;
  return macro.startsWith('R') ? parts : ['', ...(macro === 'BI' ? [parts.join('')] : parts)];
}

const escapeText = (text: string) =>
  text
    .replace(/`/g, "'")
    .replace(/[\\{}<>@*]/g, '\\$&')
    .replace(/\\\*\//g, '\\*\\/');

/** Roman text as Markdown. A word that can only be an identifier becomes code. */
const prose = (text: string) =>
  text
    .split(/(?<![\w./>])((?:\w+->)+\w+|\w+\(\d\)|(?!io_uring\b)\w*_\w*|-E[A-Z]{2,}\b)/)
    .map((part, i) => (i % 2 ? `\`${part}\`` : escapeText(part)))
    .join('');

/** Bold or italic text as code spans, without punctuation that the page sets in the same font. */
function code(text: string): string {
  if (text.includes(', ')) return text.split(', ').map(code).join(', ');
  const [, word, others = ''] = /^(?!struct |union |enum |unsigned |.* [|*+-] )(\S+)( .*)$/.exec(text) ?? [];
  if (word !== undefined) return code(word) + prose(others);
  const [, before = '', name = '', after = ''] = /^([("]*)(.*?)([\s.,;:)"]*)$/.exec(text) ?? [];
  if (!name) return text;
  const closes = name.split('(').length > name.split(')').length && after.startsWith(')') ? 1 : 0;
  return `${before}\`${name.replace(/\*\//g, '* /')}${after.slice(0, closes)}\`${after.slice(closes)}`;
}

/** A line as Markdown. The section number in `.BR read (2)` belongs to the name. */
function inline(parts: string[]): string {
  const section = /^\s*(\(\d\))/;
  return parts
    .map((part, i) => {
      if (i % 2) return code(part + (section.exec(parts[i + 1] ?? '')?.[1] ?? ''));
      return prose(i ? part.replace(section, '') : part);
    })
    .join('');
}

const tidy = (text: string) =>
  text
    .replace(/\s+/g, ' ')
    .replace(/ ([.,;:)]+)(?=[\s.,;:)]|$)/g, '$1')
    .replace(/\( /g, '(')
    .replace(/`?\b(struct|union|enum)`? `(?=\w)/g, '`$1 ')
    .trim();

/** C source without comments like this one, whose end would end the TSDoc comment. */
const tidyCode = (text: string) =>
  text
    .replace(/^\n+|\s+$/g, '')
    .replace(/\t/g, '    ')
    .replace(/\/\*\s*(.*?)\s*\*\/$/gm, '// $1')
    .replace(/\*\//g, '* /');

function parseBlocks(lines: Line[]): Block[] {
  const blocks: Block[] = [];
  const outer: number[] = [];
  let base = 0; // depth of list items
  let depth = 0; // depth of text: that of the items, or one more within an item
  let current: Block | null = null;
  let awaitingTag = false;

  const open = (kind: Block['kind']): Block => {
    const last = blocks.at(-1);
    const fits = kind === 'text' || (kind === 'item' && last?.depth === base);
    // An item without text shares that of the next, or has it after a blank line.
    if (last?.tag && !last.text && fits) return last;
    // TSDoc knows code fences at the start of a line only.
    const block = { kind, depth: { code: 0, item: base, text: depth }[kind], tag: '', text: '' };
    blocks.push(block);
    if (kind === 'item') depth = base + 1;
    return block;
  };

  for (const line of lines) {
    const { macro, args } = line;
    const blank = macro === '' && line.text.trim() === '';
    if (STRUCTURE.has(macro)) awaitingTag = macro === 'TP';
    if (STRUCTURE.has(macro) || (blank && current?.kind !== 'code')) current = null;

    if (macro === 'PP' || macro === 'P') depth = base;
    else if (macro === 'IP' && args.length > 0) current = open('item');
    else if (macro === 'EX' || macro === 'nf') current = open('code');
    // `.PP` and then the indentation of an item's text: the item goes on.
    else if (macro === 'in' && parseInt(args[0] ?? '', 10) >= 7) depth = base + 1;
    else if (macro === 'RS') {
      outer.push(base);
      base = depth;
    } else if (macro === 'RE') {
      base = outer.pop() ?? 0;
      depth = base;
    } else if (macro === 'SS') {
      outer.length = base = depth = 0;
      open('text').text = `**${escapeText(args.join(' '))}**`;
    } else if (current?.kind === 'code') {
      current.text += `${segments(line).join('')}\n`;
    } else if (STRUCTURE.has(macro) || blank) {
    } else if (awaitingTag) {
      awaitingTag = false;
      if (macro !== '' && args.length === 0) continue;
      current = open('item');
      current.tag += (current.tag && ', ') + tidy(inline(segments(line)));
    } else {
      current ??= open('text');
      current.text += ` ${inline(segments(line))}`;
    }
  }
  return blocks
    .map((block) => ({ ...block, text: (block.kind === 'code' ? tidyCode : tidy)(block.text) }))
    .filter((block) => block.text || block.tag);
}

/** Splits a text into blocks of depth 0, with what is nested in each. */
function markdown(blocks: Block[]): string[] {
  const result: string[] = [];
  for (const { kind, depth, tag, text } of blocks) {
    const item = `- ${[tag, text].filter(Boolean).join(': ')}`;
    const block = kind === 'code' ? `\`\`\`c\n${text}\n\`\`\`` : kind === 'item' ? item : text;
    const nested = (kind === 'item' ? '\n' : '\n\n') + block.replace(/^(?=.)/gm, '  '.repeat(depth));
    if (depth === 0 || result.length === 0) result.push(block);
    else result[result.length - 1] += nested;
  }
  return result;
}

const capitalize = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

const sentences = (text: string) =>
  text.split(/(?<=(?<!\b(?:e\.g|i\.e|etc|eg|vs))[.!?:]\)?)\s+(?=[A-Z(`]|io_uring|liburing)/);

function prototypes(lines: Line[]): string[] {
  const glue = (a: string, b: string) => (/\w$/.test(a) && /^\w/.test(b) ? `${a} ${b}` : a + b);
  const texts = lines.map(({ args }) => args.reduce(glue, '')).filter((text) => !text.startsWith('#include'));
  const result: string[] = [];
  for (const part of texts.join(' ').split(/;|\{ \}/)) {
    const prototype = part
      .replace(/\s+/g, ' ')
      .replace(/ (?=[,)])|(?<=\*) /g, '')
      .trim();
    // io_uring_prep_send_zc_fixed has a `);` before its last parameter.
    const rest = /^[^(]*\)$/.test(prototype) && result.pop()?.replace(/\);$/, ', ');
    if (prototype) result.push(`${rest || ''}${prototype};`);
  }
  return result;
}

const functionOf = (prototype: string) => /(\w+)\(/.exec(prototype)?.[1];

/** Names of the parameters in a prototype. */
export const parametersOf = (prototype: string): string[] =>
  [...(/\((.*)\)/.exec(prototype)?.[1] ?? '').matchAll(/(\w+)\W*(?:,|$)/g)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'void');

/** Whether a paragraph starts with, e.g., "The `a(3)` and `b(3)` functions" and `name` is one of them. */
const isSubject = (name: string) => (text: string) =>
  new RegExp(`^(?:The (?:function )?)?(?:\`[^\`]+\`,?(?: and)? )*\`${name}\\(`).test(text);

const DEFINES =
  '(?: (?:argument|parameter|param))? (?:is|are|must|should|specif(?:y|ies)|contains|holds|points|' +
  'determines|indicates|describes|denotes|defines|identifies|refers|selects|controls|' +
  '(?:can|may|will) (?:contain|be|point))\\b';
const NOUN =
  '((?:(?!of|in|to|the|an?|and|if|with|on|at|for|from|by)[\\w-]+ ){0,3}' +
  '(?:entry|descriptor|buffer|buffer ring|structure|instance|ID)) ';
const VAGUE = /:$|\bsee (below|above)|^(If|When|For|However|Note|Currently|Otherwise|Only|This|But|Also see)\b/;

/** A sentence that defines the parameter, names it, or at least says what is done with it. */
function sentenceAbout(parameter: string, paragraphs: string[], ofFunction: string): string | undefined {
  const name = `\`\\*?${parameter}\``;
  // `flags` of the SQE and the field `len` are not the parameters of these names.
  const mention = new RegExp(`(?<!\\b(?:[CS]QE|sqe|cqe)(?:'s)? )${name}(?! (?:field|member|bit|flag)\\b)`);
  const definition = new RegExp(`^(?:The )?${name}${DEFINES}`, 'i');
  const clause = new RegExp(`(?:,| and|;)+ (?=(?:the )?\`\\*?\\w+\`${DEFINES})`);
  const noun = new RegExp(`\\b(?:[Tt]he|an?) ${NOUN}(?:(?:pointed to|specified|referred to) by )?${name}`);

  const mentions = [...paragraphs.filter(isSubject(ofFunction)), ...paragraphs]
    .flatMap(sentences)
    .filter((text) => mention.test(text));
  // After "`flags` is one of these:" the text is about its values.
  const list = mentions.findIndex((text) => text.endsWith(':') && definition.test(text));
  const candidates = mentions.slice(0, list < 0 ? undefined : list).filter((text) => !VAGUE.test(text));
  const called = noun.exec(candidates[0] ?? '')?.[1];
  const sentence =
    candidates.flatMap((text) => text.split(clause)).find((text) => definition.test(text)) ??
    (called ? `The ${called}` : candidates[0]);
  return sentence && capitalize(sentence.replace(/[,;.]?$/, '.'));
}

function readPage(file: string) {
  const sections = new Map<string, Line[]>();
  let section: Line[] = [];
  let since: string | null = null;
  for (const line of lex(readFileSync(file, 'utf8'), file)) {
    if (line.macro === 'TH') since = /^liburing-(.*)/.exec(line.args[3] ?? '')?.[1] ?? null;
    else if (line.macro === 'SH') {
      section = [];
      sections.set(line.args.join(' '), section);
    } else section.push(line);
  }
  const blocks = (title: string) => parseBlocks(sections.get(title) ?? []);
  const description = blocks('DESCRIPTION');
  const errors: ManPage['errors'] = [];
  const errorNotes: string[] = [];
  for (const { kind, depth, tag, text } of blocks('ERRORS')) {
    const last = errors.at(-1);
    if (kind === 'item' && depth === 0) errors.push({ code: tag.replaceAll('`', ''), text });
    else if (last && depth > 0) last.text = `${last.text} ${text}`.trim();
    else errorNotes.push(text);
  }
  const returns = markdown(blocks('RETURN VALUE'))
    .join('\n\n')
    .replace(/^(- .*)\n(?=\n- )/gm, '$1');
  const page = {
    page: basename(file).replace(/\.(\d)$/, '($1)'),
    since,
    summary: capitalize(
      markdown(blocks('NAME'))
        .join(' ')
        .replace(/^.*? - /, '')
        .replace(/\.$/, ''),
    ),
    description: markdown(description),
    returns: /^(None\.?)?$/.test(returns) ? null : returns,
    errors,
    errorNotes,
    synopsis: prototypes(sections.get('SYNOPSIS') ?? []),
  };
  const paragraphs = description.filter(({ kind, depth }) => kind === 'text' && depth === 0);
  return { page, paragraphs: paragraphs.map(({ text }) => text) };
}

/** The pages of sections 2 and 3, by function. A function that another function's page describes is included. */
export function readManPages(manDirectory: string): Map<string, ManPage> {
  const pages = new Map<string, ManPage>();
  for (const entry of readdirSync(manDirectory)
    .filter((name) => /\.[23]$/.test(name))
    .sort()) {
    const { page, paragraphs } = readPage(realpathSync(join(manDirectory, entry)));
    const stem = entry.replace(/\.\d$/, '');
    for (const name of new Set([stem, ...page.synopsis.flatMap((text) => functionOf(text) ?? [])])) {
      if (name !== stem && pages.has(name)) continue;
      const own = page.synopsis.filter((text) => functionOf(text) === name);
      const parameters = new Map<string, string>();
      for (const parameter of (own.length ? own : page.synopsis).flatMap(parametersOf)) {
        const sentence = sentenceAbout(parameter, paragraphs, name);
        if (sentence) parameters.set(parameter, sentence);
      }
      pages.set(name, { name, ...page, parameters });
    }
  }
  return pages;
}

/** Breaks a paragraph into lines. It does not break code spans, nor make a line look like a list item. */
function wrap(text: string, width: number, hang: string): string[] {
  let line: string[] = [];
  const lines = [line];
  for (const word of text.match(/(?:`[^`]*`|[^\s`])+/g) ?? []) {
    const indent = lines.length > 1 ? hang.length : 0;
    if (line.length === 0 || indent + [...line, word].join(' ').length <= width) {
      line.push(word);
    } else {
      const before = /^([-+#=]|\d+[.)]$)/.test(word) ? line.splice(-1) : [];
      line = [...before, word];
      lines.push(line);
    }
  }
  return lines.map((line, i) => (i ? hang : '') + line.join(' '));
}

function wrapBlock(block: string, width: number): string[] {
  let fenced = false;
  return block.split('\n').flatMap((line) => {
    const fence = /^\s*```/.test(line);
    if (fence) fenced = !fenced;
    if (fence || fenced) return [line];
    const [, indent = '', item = ''] = /^(\s*)(- )?/.exec(line) ?? [];
    const wrapped = wrap(line, width - indent.length, ' '.repeat(item.length));
    return wrapped.map((text) => text && indent + text);
  });
}

/** As many blocks as fit, but at least a sentence. The result does not end with a heading or a colon. */
function excerpt(blocks: string[], width: number, maxLines: number, maxCharacters: number): string[] {
  const kept: string[] = [];
  const fits = (block: string) => {
    const all = [...kept, block];
    const lines = all.flatMap((text) => ['', ...wrapBlock(text, width)]).length - 1;
    return lines <= maxLines && all.join('').length <= maxCharacters;
  };
  for (const block of blocks) {
    if (fits(block)) {
      kept.push(block);
      continue;
    }
    const last = kept.at(-1) ?? '';
    if (kept.length === 0) {
      const parts = sentences(block);
      while (parts.length > 1 && !fits(parts.join(' '))) parts.pop();
      kept.push(parts.join(' '));
    } else if (/^- /.test(block) && /^- /.test(last)) kept.push('- …');
    else if (/^\*\*.*\*\*$/.test(last)) kept.pop();
    else if (last.endsWith(':')) {
      kept.pop();
      const rest = sentences(last).slice(0, -1);
      if (rest.length > 0) kept.push(rest.join(' '));
    }
    break;
  }
  return kept;
}

/** Lines of a TSDoc comment, without delimiters, for a function with these C parameters. */
export function tsdoc(
  page: ManPage,
  parameters: readonly string[],
  { width = 97, lines = 12, characters = 900, errors = 12 } = {},
): string[] {
  const out: string[] = [];
  const put = (blocks: string[]) =>
    blocks.forEach((block, i) => {
      if (i > 0 && !(block.startsWith('- ') && blocks[i - 1]?.startsWith('- '))) out.push('');
      out.push(...wrapBlock(block, width));
    });
  // on a page about several functions, the text about this one must not be cut
  const focus = (blocks: string[], maxLines: number, maxCharacters: number) => {
    const fit = (chosen: string[]) => excerpt(chosen, width, maxLines, maxCharacters);
    const mentions = (text: string) => text.includes(`\`${page.name}(`);
    const best = blocks.find(isSubject(page.name)) ?? blocks.find(mentions);
    if (best === undefined || page.page.startsWith(`${page.name}(`)) return fit(blocks);
    const own = blocks.slice(blocks.indexOf(best));
    const attempts = [fit(blocks), fit([...blocks.slice(0, 1), ...own])];
    return attempts.find((kept) => kept.includes(best)) ?? fit(own);
  };

  put([page.summary.replace(/(?<![?!])$/, '.'), ...focus(page.description, lines, characters)]);
  out.push('');
  const said = new Map<string, string>();
  for (const parameter of parameters) {
    const text = page.parameters.get(parameter);
    if (!text) continue;
    const same = said.get(text);
    put([`@param ${parameter} - ${same ? `See \`${same}\`.` : text}`]);
    if (!same) said.set(text, parameter);
  }
  if (page.returns) {
    const [first = '', ...rest] = focus(page.returns.split(/\n\n|\n(?=- )/), 8, 600);
    put([`@returns ${first}`, ...rest]);
  }
  if (page.errors.length > 0) {
    const items = page.errors.slice(0, errors).map(({ code, text }) => {
      const start = sentences(text).slice(0, 2).join(' ');
      return `- \`${code}\`: ${start.replace(/(?<=[\w`])$/, '.')}`;
    });
    put(['@remarks\nErrors:', ...items, ...(page.errors.length > errors ? ['- …'] : [])]);
  }
  put([`@see ${page.page}${page.since ? `, liburing ${page.since}` : ''}`]);
  return out;
}
