// Writes the dashboards that the chart installs. A test fails when they are not what this would write.
import { writeFile } from 'node:fs/promises';
import { dashboardFiles } from './files.ts';

for (const [name, content] of dashboardFiles())
  await writeFile(new URL(`../../charts/piing-gateway/dashboards/${name}`, import.meta.url), content);
