import { parseSync } from '@swc/core';

interface Span {
  readonly start: number;
  readonly end: number;
}

type Node = Readonly<Record<string, unknown>> & { readonly type: string; readonly span: Span };

interface Insertion {
  readonly at: number;
  readonly text: string;
  readonly closes: boolean;
  readonly depth: number;
}

/** swc counts from 1, and the text that it is given begins with a semicolon: without it, comments would shift spans. */
const SPAN_OFFSET = 2;
const LONGEST_LITERAL = 24;
const LOOPS = new Set([
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'WhileStatement',
  'DoWhileStatement',
]);
const BODIES = new Set(['BlockStatement', 'FunctionBody']);
const SHORT_CIRCUITS = new Set(['&&', '||', '??', '&&=', '||=', '??=']);

/**
 * Puts a counter into every block of a source text: function, branch (also the one that is not written down), loop,
 * case, and each operand that may be skipped. Types stay; Node strips them afterwards.
 * @param first the number of the first block
 */
export function countBlocks(
  source: string,
  { script, first }: { readonly script: boolean; readonly first: number },
): { readonly source: string; readonly blocks: number; readonly literals: readonly (string | number)[] } {
  const writer = new Counters(first);
  const tree = parseSync(`;${source}`, {
    syntax: 'typescript',
    target: 'es2022',
    isModule: !script,
  } as never);
  writer.visit(tree as unknown, 0);
  return { source: writer.applyTo(source), blocks: writer.blocks, literals: writer.literals };
}

class Counters {
  readonly literals: (string | number)[] = [];
  blocks = 0;
  readonly #first: number;
  readonly #insertions: Insertion[] = [];

  constructor(first: number) {
    this.#first = first;
  }

  visit(value: unknown, depth: number): void {
    if (Array.isArray(value)) for (const each of value) this.visit(each, depth);
    else if (typeof value === 'object' && value !== null) {
      const node = value as Node;
      // Names of files are no tokens, and types are no code.
      if (/^(Import|ExportAll|Ts(?!As|NonNull|Satisfies|Const))/.test(node.type ?? '')) return;
      this.#mark(node, depth);
      for (const child of Object.values(node)) this.visit(child, depth + 1);
    }
  }

  #mark(node: Node, depth: number): void {
    const { type } = node;
    if (type === 'StringLiteral' || type === 'NumericLiteral') this.#note(node.value as string | number);
    else if (type === 'IfStatement') this.#branches(node, depth);
    else if (type === 'ConditionalExpression') {
      this.#expression(node.consequent as Node, depth);
      this.#expression(node.alternate as Node, depth);
    } else if (SHORT_CIRCUITS.has(node.operator as string)) this.#expression(node.right as Node, depth);
    else if (type === 'SwitchCase') this.#case(node, depth);
    else if (LOOPS.has(type)) this.#statement(node.body as Node, depth);
    else this.#function(node.body as Node | undefined, type, depth);
  }

  #note(literal: string | number): void {
    if (typeof literal === 'string' && (literal.length === 0 || literal.length > LONGEST_LITERAL)) return;
    this.literals.push(literal);
  }

  #branches(node: Node, depth: number): void {
    const consequent = node.consequent as Node;
    const alternate = node.alternate as Node | undefined;
    this.#statement(consequent, depth);
    if (alternate) this.#statement(alternate, depth);
    else this.#insert(consequent.span.end, ` else {${this.#counter()};}`, true, depth);
  }

  /** Behind its opening brace, or within braces of its own. */
  #statement(node: Node, depth: number): void {
    if (node.type === 'BlockStatement')
      return this.#insert(node.span.start + 1, `${this.#counter()};`, false, depth);
    this.#insert(node.span.start, `{${this.#counter()};`, false, depth);
    // Before an `else` that belongs to the statement around it.
    this.#insert(node.span.end, '}', true, depth + 0.5);
  }

  #expression(node: Node, depth: number): void {
    const { start, end } = node.span;
    this.#insert(start, `(${this.#counter()},`, false, depth);
    this.#insert(end, ')', true, depth);
  }

  #case(node: Node, depth: number): void {
    const [statement] = node.consequent as readonly Node[];
    this.#insert(statement?.span.start ?? node.span.end, `${this.#counter()};`, false, depth);
  }

  /** Functions of every kind, and what is caught. */
  #function(body: Node | undefined, type: string, depth: number): void {
    if (type === 'LabeledStatement' || !body?.type || !body.span) return;
    if (!BODIES.has(body.type)) {
      if (type === 'ArrowFunctionExpression') this.#expression(body, depth);
      return;
    }
    const directive = (body.stmts as readonly Node[]).filter(isDirective).at(-1);
    this.#insert(directive?.span.end ?? body.span.start + 1, `;${this.#counter()};`, false, depth);
  }

  #counter(): string {
    this.blocks += 1;
    return `__hits[${this.#first + this.blocks - 1}]++`;
  }

  #insert(at: number, text: string, closes: boolean, depth: number): void {
    this.#insertions.push({ at: at - SPAN_OFFSET, text, closes, depth });
  }

  /** Spans count bytes. At one place the inner closes before the outer, and the outer opens before the inner. */
  applyTo(source: string): string {
    const bytes = Buffer.from(source);
    const ordered = this.#insertions.toSorted(
      (a, b) =>
        a.at - b.at ||
        Number(b.closes) - Number(a.closes) ||
        (a.closes ? b.depth - a.depth : a.depth - b.depth),
    );
    let from = 0;
    const parts = ordered.map(({ at, text }) => {
      const part = bytes.toString('utf8', from, at) + text;
      from = at;
      return part;
    });
    return parts.join('') + bytes.toString('utf8', from);
  }
}

const isDirective = ({ type, expression }: Node): boolean =>
  type === 'ExpressionStatement' && (expression as Node | undefined)?.type === 'StringLiteral';
