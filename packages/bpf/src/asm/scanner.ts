/**
 * One line of assembly text as tokens, and the cursor with which the parser walks over them.
 *
 * Comments run from `#`, `//` or `;` to the end of the line. A `<name+0x8>` at the end of a line, as llvm-objdump
 * writes it behind a jump, is a comment too.
 */
import { AssemblyError } from './assembly-error.ts';

type TokenKind = 'number' | 'word' | 'sign' | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly column: number;
}

// signed operators begin with a letter, so signs are tried before words
const TOKEN =
  /(?<sign>s(?:>>=|\/=|%=|<=|>=|<|>)|<<=|>>=|[-+*/%&|^=!<>]=|[-+*&()<>=,:])|(?<number>0[xX][0-9a-fA-F]+|[0-9]+)(?![\w.$])|(?<word>[A-Za-z_.$][\w.$]*)/y;
const SPACE = /\s*/y;
const COMMENT = /(?:#|\/\/|;).*$/;
const ANNOTATION = /<[^<>=\s]+>\s*$/;

export interface Cursor {
  /** The token that comes next, or one further on. */
  peek(ahead?: number): Token;
  /** Takes it. */
  next(): Token;
  /** Takes the next token if it is this text. */
  accept(text: string): boolean;
  /** Takes the next token, which must be this text. @throws AssemblyError */
  expect(text: string): void;
  /** @throws AssemblyError at the given token, by default the next one */
  fail(what: string, at?: Token): never;
}

export function quote(token: Token): string {
  return token.kind === 'end' ? 'the end of the line' : `"${token.text}"`;
}

/** @throws AssemblyError for a character that begins no token */
export function scanLine(source: string, line: number): Cursor {
  const text = source.replace(COMMENT, '').replace(ANNOTATION, '');
  const tokens: Token[] = [];
  for (let at = 0; ; ) {
    SPACE.lastIndex = at;
    SPACE.exec(text);
    at = SPACE.lastIndex;
    if (at >= text.length) break;
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null)
      throw new AssemblyError(line, at + 1, `"${text[at]}" begins neither a word, a number nor an operator`);
    const { sign, number } = match.groups!;
    const kind = sign !== undefined ? 'sign' : number !== undefined ? 'number' : 'word';
    tokens.push({ kind, text: match[0], column: at + 1 });
    at = TOKEN.lastIndex;
  }
  tokens.push({ kind: 'end', text: '', column: text.trimEnd().length + 1 });

  let position = 0;
  const peek = (ahead = 0): Token => tokens[Math.min(position + ahead, tokens.length - 1)]!;
  const fail = (what: string, at = peek()): never => {
    throw new AssemblyError(line, at.column, what);
  };
  const accept = (wanted: string): boolean => {
    if (peek().kind === 'end' || peek().text !== wanted) return false;
    position++;
    return true;
  };
  return {
    peek,
    next() {
      const token = peek();
      if (token.kind !== 'end') position++;
      return token;
    },
    accept,
    expect(wanted) {
      if (!accept(wanted)) fail(`"${wanted}" was expected, not ${quote(peek())}`);
    },
    fail,
  };
}
