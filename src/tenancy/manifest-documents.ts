import { type Document, isScalar, LineCounter, parseAllDocuments } from 'yaml';
import { formatPath, offsetOf } from '../support/yaml-offsets.ts';

/** Something in a document, with the path of keys and list indexes that leads to it. */
export interface ManifestFault {
  readonly path: readonly string[];
  readonly message: string;
}

/** One document of a YAML file, which can say where in the file a path of it stands. */
export interface YamlDocument {
  readonly value: unknown;
  /** Complete lines for people; when there are any, `value` means nothing. */
  readonly syntaxErrors: readonly string[];
  /** `file, document 2, line 14` of a path, or of the nearest thing above it that is there. */
  place(path: readonly string[]): string;
  /** The line for people about what is at a path. */
  problem(fault: ManifestFault): string;
  /** The same for several, in the order of the file. */
  problems(faults: readonly ManifestFault[]): string[];
}

/** The documents of a file, without those that hold nothing but comments. */
export function parseDocuments(file: string, text: string): YamlDocument[] {
  const lines = new LineCounter();
  // Without its warnings: they go to stderr, past the log, and show what the file has.
  const options = { lineCounter: lines, merge: true, prettyErrors: false, logLevel: 'error' } as const;
  const documents = [...parseAllDocuments(text, options)];
  return documents
    .map((document, index) => ({ document, label: `${file}, document ${index + 1}` }))
    .filter(({ document }) => !isEmpty(document))
    .map(({ document, label }) => locate(document, label, (offset) => lines.linePos(offset).line));
}

function isEmpty({ contents, errors }: Document.Parsed): boolean {
  return errors.length === 0 && (contents === null || (isScalar(contents) && contents.value === null));
}

function locate(document: Document.Parsed, label: string, lineAt: (offset: number) => number): YamlDocument {
  const lineOf = (path: readonly string[]) => lineAt(offsetOf(document, path));
  const place = (path: readonly string[]) => `${label}, line ${lineOf(path)}`;
  const problem = ({ path, message }: ManifestFault) =>
    `${place(path)}, ${path.length === 0 ? 'document' : oneLine(formatPath(path))}: ${message}`;
  const problems = (faults: readonly ManifestFault[]) =>
    faults.toSorted((a, b) => lineOf(a.path) - lineOf(b.path)).map(problem);
  return { ...read(document, label, lineAt), place, problem, problems };
}

function read(
  document: Document.Parsed,
  label: string,
  lineAt: (offset: number) => number,
): Pick<YamlDocument, 'value' | 'syntaxErrors'> {
  const syntaxErrors = document.errors.map(
    ({ message, pos }) => `${label}, line ${lineAt(pos[0])}: is not YAML: ${sentence(message)}.`,
  );
  if (syntaxErrors.length > 0) return { value: undefined, syntaxErrors };
  try {
    return { value: document.toJS(), syntaxErrors };
  } catch (error) {
    // An alias without an anchor, or so many of them that the document would fill the memory.
    const reason = sentence((error as Error).message);
    return { value: undefined, syntaxErrors: [`${label}: cannot be read: ${reason}.`] };
  }
}

/** Keys and the parser's messages have what the file has, line breaks and all. */
const oneLine = (text: string): string => text.replace(/\s+/g, ' ');

const sentence = (message: string): string => oneLine(message).replace(/\.$/, '');
