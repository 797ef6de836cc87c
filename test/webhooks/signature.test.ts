import assert from 'node:assert/strict';
import { Webhook } from 'standardwebhooks';
import { generateWebhookSecret, parseWebhookSecret } from '../../src/tenancy/webhook-secrets.ts';
import { signatureHeaders } from '../../src/webhooks/signature.ts';

const keyOf = (secret: string): Buffer => parseWebhookSecret(secret) ?? assert.fail(secret);

describe('The signature of a webhook', () => {
  const [current, former] = [generateWebhookSecret(), generateWebhookSecret()];
  const message = { id: '0199-x', body: '{"type":"upload.completed","data":{"fileName":"Umsätze №1"}}' };
  const headersAt = (sentAt: Date, secrets = [current]) =>
    signatureHeaders({ ...message, sentAt }, secrets.map(keyOf));
  const verify = (secret: string, headers: Readonly<Record<string, string>>, body = message.body) =>
    new Webhook(secret).verify(body, headers);

  it('is accepted by the library that Standard Webhooks publishes', () => {
    assert.deepEqual(verify(current, headersAt(new Date())), JSON.parse(message.body));
  });

  it('is the one that this library makes', () => {
    const sentAt = new Date();
    assert.equal(
      headersAt(sentAt)['webhook-signature'],
      new Webhook(current).sign(message.id, sentAt, message.body),
    );
  });

  it('holds with either secret while a rotation overlaps, and with no third', () => {
    const headers = headersAt(new Date(), [current, former]);
    assert.match(headers['webhook-signature'] ?? '', /^v1,\S{44} v1,\S{44}$/);
    verify(current, headers);
    verify(former, headers);
    assert.throws(() => verify(generateWebhookSecret(), headers), /No matching signature/);
  });

  it('breaks with the body, the id and the time', () => {
    const headers = headersAt(new Date());
    assert.throws(() => verify(current, headers, `${message.body} `), /No matching signature/);
    assert.throws(() => verify(current, { ...headers, 'webhook-id': 'other' }), /No matching signature/);
    const later = String(Number(headers['webhook-timestamp']) + 1);
    assert.throws(() => verify(current, { ...headers, 'webhook-timestamp': later }), /No matching signature/);
  });

  it('is not taken again after some minutes', () => {
    assert.throws(() => verify(current, headersAt(new Date(Date.now() - 6 * 60_000))), /too old/);
  });
});

describe('A webhook secret', () => {
  it('is whsec_ and 24 to 64 bytes in base64, white space around it left out', () => {
    for (const bytes of [24, 32, 33, 64]) {
      const encoded = Buffer.alloc(bytes, 7).toString('base64');
      assert.equal(parseWebhookSecret(`whsec_${encoded}\n`)?.length, bytes);
    }
  });

  const BAD: readonly (readonly [string, string])[] = [
    ['without its prefix', Buffer.alloc(32).toString('base64')],
    ['too short', `whsec_${Buffer.alloc(23).toString('base64')}`],
    ['too long', `whsec_${Buffer.alloc(65).toString('base64')}`],
    ['of other characters', `whsec_${'ä'.repeat(40)}`],
    ['of base64 for URLs', `whsec_${Buffer.alloc(32, 0xff).toString('base64url')}`],
    ['that ends in the middle of a byte', `whsec_${'A'.repeat(41)}`],
    ['of nothing', ''],
  ];
  for (const [what, text] of BAD) {
    it(`is refused ${what}`, () => assert.equal(parseWebhookSecret(text), undefined));
  }
});
