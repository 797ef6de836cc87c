import assert from 'node:assert/strict';
import { run } from '../../support/run.ts';

const EDITS = new URL('../../../src/gateway/ssh2/edits.ts', import.meta.url).href;

const node = (script: string) => run(process.execPath, ['--input-type=module', '-e', script]);

describe('The edits of ssh2', () => {
  it('are refused once ssh2 is loaded, because they would have no effect', async () => {
    const { code, stderr } = await node(`await import('ssh2'); await import(${JSON.stringify(EDITS)});`);
    assert.notEqual(code, 0);
    assert.match(stderr, /ssh2 was loaded before its edits/);
  });

  it('make one KeyObject of a key, and leave other uses of node:crypto alone', async () => {
    const { code, stdout, stderr } = await node(`
      const { cryptoWithKeyObjects: crypto } = await import(${JSON.stringify(new URL('./key-objects.ts', EDITS).href)});
      const key = Buffer.alloc(32, 7), iv = Buffer.alloc(12);
      const once = () => { const c = crypto.createCipheriv('aes-256-gcm', key, iv); return c.update('text', 'utf8', 'hex') + c.final('hex'); };
      const plain = await import('node:crypto');
      const expected = (() => { const c = plain.createCipheriv('aes-256-gcm', key, iv); return c.update('text', 'utf8', 'hex') + c.final('hex'); })();
      const mac = (c) => c.createHmac('sha256', key).update('x').digest('hex');
      console.log(once() === expected, once() === expected, mac(crypto) === mac(plain));`);
    assert.equal(code, 0, stderr);
    assert.equal(stdout.trim(), 'true true true');
  });

  it('say which text of ssh2 they miss, and want its version exactly', async () => {
    const module = JSON.stringify(new URL('./edited-module.ts', EDITS).href);
    const { stderr } = await node(
      `const { loadEdited } = await import(${module}); loadEdited('lib/agent.js', [{ replace: 'not there', by: '' }]);`,
    );
    assert.match(stderr, /ssh2\/lib\/agent\.js does not have the text to edit/);
  });
});
