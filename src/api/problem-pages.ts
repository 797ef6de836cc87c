import type { FastifyInstance } from 'fastify';
import { FILE_FAULTS, ROW_FAULTS, WARNINGS } from '../schemas/fault-catalogue.ts';
import { PROBLEMS } from './problem-catalogue.ts';
import { Problem } from './problems.ts';

/** Plain pages: no script, and a style that only they may have. */
const STYLE = `
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem; }
  code { font-family: ui-monospace, monospace; }
  :root { color-scheme: light dark; }
`;
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/** `GET /problems` and `GET /problems/{code}`: what the `type` of a problem leads to (RFC 9457, section 3.1.1). */
export function problemPages(app: FastifyInstance): void {
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('content-security-policy', PAGE_POLICY);
  });
  app.get('/problems', { schema: { hide: true } }, async (_request, reply) =>
    reply.type(HTML).send(page('Errors and warnings', index())),
  );
  app.get('/problems/:code', { schema: { hide: true } }, async (request, reply) => {
    const { code } = request.params as { readonly code: string };
    const found = SECTIONS.find(({ entries }) => Object.hasOwn(entries, code));
    const entry = found?.entries[code];
    if (!entry) throw new Problem('NOT_FOUND', 'There is no problem of this code.');
    return reply.type(HTML).send(page(code, article(entry)));
  });
}

const HTML = 'text/html; charset=utf-8';

interface Entry {
  readonly title: string;
  readonly help: string;
  readonly status?: number;
}

interface Section {
  readonly title: string;
  readonly about: string;
  readonly entries: Readonly<Record<string, Entry>>;
}

/** Every code that people meet, by where they meet it. A code is looked up from the first section on. */
const SECTIONS: readonly Section[] = [
  {
    title: 'Requests',
    about: 'What an HTTP request is answered with, as its `code` and as the end of its `type`.',
    entries: PROBLEMS,
  },
  {
    title: 'Files',
    about:
      'Why nothing of a file was loaded: told while it is sent where its beginning shows it (HTTP status 422; over SFTP the status of a WRITE or of CLOSE), else as the error of an upload that ended FAILED or ABANDONED.',
    entries: FILE_FAULTS,
  },
  {
    title: 'Rows',
    about: 'Why one row of a file was left out: in the errors of the upload and in its reject report.',
    entries: ROW_FAULTS,
  },
  { title: 'Warnings', about: 'Remarks on uploads that were loaded all the same.', entries: WARNINGS },
];

const headline = ({ status, title }: Entry): string => (status ? `${status}: ${title}` : title);

function index(): string {
  return SECTIONS.map(({ title, about, entries }) => {
    const items = Object.entries(entries).map(
      ([code, entry]) =>
        `<li><a href="/problems/${code}"><code>${code}</code></a> ${escapeHtml(headline(entry))}</li>`,
    );
    return `<h2>${title}</h2>\n<p>${escapeHtml(about)}</p>\n<ul>${items.join('\n')}</ul>`;
  }).join('\n');
}

function article(entry: Entry): string {
  return `<p><strong>${escapeHtml(entry.title)}</strong>${entry.status ? ` (HTTP status ${entry.status})` : ''}.</p>
<p>${escapeHtml(entry.help)}</p>
<p><a href="/problems">All problems</a></p>`;
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>
<body><h1>${title}</h1>
${body}
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** The same catalogue as `docs/api/errors.md`, for people who read the repository. */
export function problemCatalogueMarkdown(): string {
  const sections = SECTIONS.map(({ title, about, entries }) => {
    const articles = Object.entries(entries).map(
      ([code, entry]) => `### ${code}\n\n${headline(entry)}.\n\n${entry.help}\n`,
    );
    return `## ${title}\n\n${about}\n\n${articles.join('\n')}`;
  });
  return `# Errors and warnings

Errors of the API are problem details (RFC 9457) with a stable \`code\`; their \`type\` leads to the text below, served by
the API itself under \`/problems\`. Errors of files and rows have the same codes by SFTP and by HTTP. Made from
\`src/api/problem-catalogue.ts\` and \`src/schemas/fault-catalogue.ts\`: \`npm run docs:errors\`.

${sections.join('\n')}`;
}
