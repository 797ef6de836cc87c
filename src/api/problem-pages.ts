import type { FastifyInstance } from 'fastify';
import {
  isProblemCode,
  PROBLEM_CODES,
  PROBLEMS,
  type ProblemCode,
  problemType,
} from './problem-catalogue.ts';
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
    reply.type(HTML).send(page('Problems of the upload API', index())),
  );
  app.get('/problems/:code', { schema: { hide: true } }, async (request, reply) => {
    const { code } = request.params as { readonly code: string };
    if (!isProblemCode(code)) throw new Problem('NOT_FOUND', 'There is no problem of this code.');
    return reply.type(HTML).send(page(code, article(code)));
  });
}

const HTML = 'text/html; charset=utf-8';

function index(): string {
  const entries = PROBLEM_CODES.map((code) => {
    const { status, title } = PROBLEMS[code];
    return `<li><a href="${problemType(code)}"><code>${code}</code></a> ${status}: ${escapeHtml(title)}</li>`;
  });
  return `<ul>${entries.join('\n')}</ul>`;
}

function article(code: ProblemCode): string {
  const { status, title, help } = PROBLEMS[code];
  return `<p>HTTP status ${status}: <strong>${escapeHtml(title)}</strong>.</p>
<p>${escapeHtml(help)}</p>
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
  const sections = PROBLEM_CODES.map((code) => {
    const { status, title, help } = PROBLEMS[code];
    return `## ${code}\n\n${status}: ${title}.\n\n${help}\n`;
  });
  return `# Problems of the upload API

Errors are problem details (RFC 9457) with a stable \`code\`; their \`type\` leads to the same text, served by the API
itself under \`/problems\`. Made from \`src/api/problem-catalogue.ts\`: \`npm run docs:errors\`.

${sections.join('\n')}`;
}
