// Writes docs/api/errors.md from the catalogue of problems. A test fails when the page is not what this would write.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { problemCatalogueMarkdown } from '../src/api/problem-pages.ts';

const page = join(dirname(fileURLToPath(import.meta.url)), '..', 'docs', 'api', 'errors.md');
writeFileSync(page, problemCatalogueMarkdown());
