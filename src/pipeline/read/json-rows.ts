import type { Token } from 'stream-json/core/parser.js';
import type { RowFaultCode } from '../../schemas/fault-catalogue.ts';
import { type Fault, FileFault } from '../../schemas/faults.ts';
import type { HeaderMatcher } from '../../schemas/header.ts';
import type { RecordBatch, SourceRecord } from '../records.ts';
import { JsonText } from './json-text.ts';
import { MAX_COLUMNS, MAX_NESTING, MAX_RECORD_CHARACTERS } from './limits.ts';

const WRAPPER_KEYS: ReadonlySet<string> = new Set(['data', 'records', 'items', 'rows']);
/** Keys whose column is remembered; files made by a program have few, and an enemy's file has millions. */
const MAX_REMEMBERED_KEYS = 10_000;
const MAX_UNKNOWN_KEYS = 100;
/** Characters of a key. A longer one is looked up each time, and is named by its beginning. */
const MAX_REMEMBERED_LENGTH = 256;

/** Where in the file the next token stands. */
type State =
  | 'start'
  /** In the object that wraps the array, before or after it. */
  | 'wrapper'
  /** In the array, between records. */
  | 'rows'
  | 'record'
  /** In a value that is not loaded: another key of the wrapper, or a record that is no object. */
  | 'skipped'
  | 'done';

/** Assembles rows from a JSON file's tokens, holding one record and one batch at a time. */
export class JsonRows {
  readonly #matcher: HeaderMatcher;
  readonly #headers: readonly string[];
  readonly #columnOf = new Map<string, number | undefined>();
  readonly #unknown = new Set<string>();
  #newUnknown: string[] = [];
  #records: SourceRecord[] = [];
  #state: State = 'start';
  #depth = 0;
  #wrapped = false;
  #foundRows = false;
  #key = '';
  #skipUntil = 0;
  #afterSkip: State = 'wrapper';
  #nested: JsonText | undefined;
  #values: (string | null)[] = [];
  #keyOf: (string | undefined)[] = [];
  #keys = 0;
  #characters = 0;
  #fault: Fault | undefined;
  /** Records seen so far. */
  count = 0;

  constructor(matcher: HeaderMatcher, headers: readonly string[]) {
    this.#matcher = matcher;
    this.#headers = headers;
  }

  /** The whole JSON value has ended. */
  get done(): boolean {
    return this.#state === 'done';
  }

  /** In the array, between records. */
  get betweenRecords(): boolean {
    return this.#state === 'rows';
  }

  get headers(): readonly string[] {
    return this.#headers;
  }

  /** What has come since the last call. */
  batch(): RecordBatch | undefined {
    if (this.#records.length === 0 && this.#newUnknown.length === 0) return undefined;
    const batch = { headers: this.#headers, records: this.#records, unknownHeaders: this.#newUnknown };
    this.#records = [];
    this.#newUnknown = [];
    return batch;
  }

  expectSome(): void {
    if (!this.#foundRows) throw noRecords('an object without them');
    if (this.count === 0)
      throw new FileFault('NO_ROWS', 'The file has no records. Export it again with its data.');
  }

  tooLarge(): FileFault {
    const message = `Record ${this.count + 1} has more than ${MAX_RECORD_CHARACTERS} characters.`;
    return new FileFault('RECORD_TOO_LARGE', message, { line: this.count + 1 });
  }

  take(token: Token): void {
    const opens = token.name === 'startObject' || token.name === 'startArray';
    const closes = token.name === 'endObject' || token.name === 'endArray';
    if (opens && ++this.#depth > MAX_NESTING) {
      throw new FileFault(
        'NESTING_TOO_DEEP',
        `Record ${this.count + 1} is nested deeper than ${MAX_NESTING} levels.`,
        { line: this.count + 1 },
      );
    }
    if (closes) this.#depth -= 1;
    switch (this.#state) {
      case 'start':
        return this.#begin(token);
      case 'wrapper':
        return this.#inWrapper(token, opens);
      case 'rows':
        return this.#betweenRecords(token, opens);
      case 'record':
        return this.#inRecord(token, opens, closes);
      case 'skipped':
        if (closes && this.#depth === this.#skipUntil) this.#state = this.#afterSkip;
        return;
      case 'done':
        return;
    }
  }

  #begin(token: Token): void {
    if (token.name === 'startArray') this.#startRows();
    else if (token.name === 'startObject') {
      this.#wrapped = true;
      this.#state = 'wrapper';
    } else throw noRecords('a single value');
  }

  #startRows(): void {
    this.#foundRows = true;
    this.#state = 'rows';
  }

  #inWrapper(token: Token, opens: boolean): void {
    if (token.name === 'endObject') this.#state = 'done';
    else if (token.name === 'keyValue') this.#key = token.value;
    else if (token.name === 'startArray' && !this.#foundRows && WRAPPER_KEYS.has(this.#key))
      this.#startRows();
    else if (opens) this.#skip();
  }

  #betweenRecords(token: Token, opens: boolean): void {
    if (token.name === 'endArray') this.#state = this.#wrapped ? 'wrapper' : 'done';
    else if (token.name === 'startObject') this.#startRecord();
    else {
      const message = `Record ${this.count + 1} is not an object. Every record has to be an object with the columns as its keys.`;
      this.#startRecord();
      this.#setFault('NOT_AN_OBJECT', message, null);
      this.#endRecord();
      if (opens) this.#skip();
    }
  }

  #skip(): void {
    this.#skipUntil = this.#depth - 1;
    this.#afterSkip = this.#state;
    this.#state = 'skipped';
  }

  #startRecord(): void {
    this.#state = 'record';
    this.#values = [];
    this.#keyOf = [];
    this.#keys = 0;
    this.#characters = 0;
    this.#fault = undefined;
  }

  #endRecord(): void {
    this.count += 1;
    const values = this.#values;
    const cells = this.#headers.map((_, index) => values[index] ?? '');
    const record = { line: this.count, values, cells };
    this.#records.push(this.#fault ? { ...record, fault: this.#fault } : record);
    this.#state = 'rows';
  }

  #inRecord(token: Token, opens: boolean, closes: boolean): void {
    if (this.#nested) return this.#inNested(token, this.#nested);
    if (token.name === 'keyValue') {
      this.#key = token.value;
      this.#count(token.value.length);
      if (++this.#keys > MAX_COLUMNS) {
        throw new FileFault(
          'TOO_MANY_COLUMNS',
          `Record ${this.count + 1} has more than ${MAX_COLUMNS} keys.`,
          { line: this.count + 1 },
        );
      }
    } else if (opens) {
      this.#nested = new JsonText();
      this.#inNested(token, this.#nested);
    } else if (closes) this.#endRecord();
    else this.#setValue(scalar(token));
  }

  #inNested(token: Token, text: JsonText): void {
    this.#count('value' in token && typeof token.value === 'string' ? token.value.length : 1);
    text.add(token);
    if (!text.complete) return;
    this.#nested = undefined;
    this.#setValue(text.toString());
  }

  #count(characters: number): void {
    this.#characters += characters;
    if (this.#characters > MAX_RECORD_CHARACTERS) throw this.tooLarge();
  }

  #setValue(value: string | null): void {
    if (value !== null) this.#count(value.length);
    const column = this.columnOf(this.#key);
    if (column === undefined) return;
    const before = this.#keyOf[column];
    if (before !== undefined) {
      const message =
        before === this.#key
          ? `Record ${this.count + 1} has the key "${shorten(before)}" twice.`
          : `Record ${this.count + 1} has the keys "${shorten(before)}" and "${shorten(this.#key)}", which both mean ${this.#headers[column]}.`;
      this.#setFault('DUPLICATE_KEY', message, this.#key);
    }
    this.#keyOf[column] = this.#key;
    if (value !== null && value !== '') this.#values[column] = value;
  }

  #setFault(code: RowFaultCode, message: string, column: string | null): void {
    this.#fault ??= { line: this.count + 1, column: column && shorten(column), code, message, value: null };
  }

  /** Index into the columns; a key that none goes by is remembered, to be named in the warnings. */
  columnOf(key: string): number | undefined {
    if (this.#columnOf.has(key)) return this.#columnOf.get(key);
    const column = this.#matcher.columnFor(key);
    const name = beginning(key);
    if (this.#columnOf.size < MAX_REMEMBERED_KEYS && name === key) this.#columnOf.set(key, column);
    if (column === undefined && this.#unknown.size < MAX_UNKNOWN_KEYS && !this.#unknown.has(name)) {
      this.#unknown.add(name);
      this.#newUnknown.push(name);
    }
    return column;
  }
}

function scalar(token: Token): string | null {
  switch (token.name) {
    case 'stringValue':
    case 'numberValue':
      return token.value;
    case 'trueValue':
      return 'true';
    case 'falseValue':
      return 'false';
    default:
      return null;
  }
}

/** A copy: a part of a string would keep the whole of it in memory. */
const beginning = (key: string): string =>
  key.length <= MAX_REMEMBERED_LENGTH ? key : Buffer.from(key.slice(0, MAX_REMEMBERED_LENGTH)).toString();

const shorten = (key: string): string => key.slice(0, 100);

function noRecords(found: string): FileFault {
  const message = `The JSON has no records: it is ${found}. Send an array of objects, or an object with one in "data", "records", "items" or "rows".`;
  return new FileFault('NO_RECORDS', message);
}
