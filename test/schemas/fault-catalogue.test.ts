import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { FILE_FAULTS, ROW_FAULTS, WARNINGS } from '../../src/schemas/fault-catalogue.ts';

describe('The catalogue of faults', () => {
  it('has every code that a file, a row or a warning is given, and no other', () => {
    const sources = globSync('src/{schemas,pipeline,gateway,intake}/**/*.ts').map((file) =>
      readFileSync(file, 'utf8'),
    );
    const text = sources.filter((source) => !source.includes('export const FILE_FAULTS')).join('\n');
    const catalogue = new Set([FILE_FAULTS, ROW_FAULTS, WARNINGS].flatMap((kinds) => Object.keys(kinds)));
    const given = [...text.matchAll(/(?:code: |Fault\(\s*)'([A-Z0-9_]+)'/g)].map(([, code = '']) => code);
    assert.ok(given.length > 30, `${given.length}`);
    for (const code of given) assert.ok(catalogue.has(code), `${code} is not in the catalogue`);
    for (const code of catalogue) assert.ok(text.includes(`'${code}'`), `${code} is given by nobody`);
  });

  it('says of each what to do, in sentences', () => {
    for (const [code, { title, help }] of Object.entries({ ...FILE_FAULTS, ...ROW_FAULTS, ...WARNINGS })) {
      assert.match(title, /^[A-Z].*[^.]$/, code);
      assert.match(help, /^[A-Z].*\.$/, code);
    }
  });
});
