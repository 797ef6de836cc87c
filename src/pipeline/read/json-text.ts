import type { Token } from 'stream-json/core/parser.js';

/** Puts one nested object or array back into compact JSON text, its numbers exactly as the file has them. */
export class JsonText {
  readonly #parts: string[] = [];
  #depth = 0;
  /** A value or key came before at this depth, so the next one needs a comma. */
  #needsComma = false;

  /** True once the outermost object or array has closed. */
  get complete(): boolean {
    return this.#depth === 0 && this.#parts.length > 0;
  }

  add(token: Token): void {
    switch (token.name) {
      case 'startObject':
      case 'startArray':
        this.#push(token.name === 'startObject' ? '{' : '[', false);
        this.#depth += 1;
        break;
      case 'endObject':
      case 'endArray':
        this.#parts.push(token.name === 'endObject' ? '}' : ']');
        this.#needsComma = true;
        this.#depth -= 1;
        break;
      case 'keyValue':
        this.#push(`${JSON.stringify(token.value)}:`, false);
        break;
      case 'stringValue':
        this.#push(JSON.stringify(token.value), true);
        break;
      case 'numberValue':
        this.#push(token.value, true);
        break;
      case 'trueValue':
      case 'falseValue':
      case 'nullValue':
        this.#push(String(token.value), true);
        break;
    }
  }

  toString(): string {
    return this.#parts.join('');
  }

  #push(text: string, commaAfter: boolean): void {
    this.#parts.push(this.#needsComma ? `,${text}` : text);
    this.#needsComma = commaAfter;
  }
}
