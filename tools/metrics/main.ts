// Writes docs/operations/metrics.md from the metrics that the roles register. A test fails when it is out of date.
import { writeFile } from 'node:fs/promises';
import { metricsPage } from './page.ts';

await writeFile(new URL('../../docs/operations/metrics.md', import.meta.url), await metricsPage());
