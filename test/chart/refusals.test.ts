import assert from 'node:assert/strict';
import { CHART, helm, MINIMAL_VALUES, RELEASE } from '../support/helm.ts';

/** Values that cannot be, and what Helm says to them. */
const REFUSED: readonly (readonly [what: string, set: string, sentence: RegExp])[] = [
  ['no image', 'image.repository=', /image\.repository is not set\. Build the image with tools\/image\.sh/],
  ['no database', 'database.existingSecret=', /database\.existingSecret is not set\. Make a Secret/],
  ['no raw store', 'rawStore.url=', /rawStore\.url is not set\. Set it to s3:\/\/BUCKET/],
  [
    'a raw store that is neither',
    'rawStore.url=bucket',
    /\(bucket\) is neither s3:\/\/BUCKET\[\/PREFIX\] nor the/,
  ],
  [
    'a directory that is lost with its pod',
    'rawStore.url=/data',
    /rawStore\.existingClaim is not set: files in \/data would be lost with their pod/,
  ],
  [
    'a claim beside a bucket',
    'rawStore.existingClaim=raw',
    /is for a directory, and rawStore\.url is the bucket/,
  ],
  [
    'more pods at least than at most',
    'gateway.autoscaling.minReplicas=11',
    /gateway\.autoscaling\.minReplicas \(11\) is more than gateway\.autoscaling\.maxReplicas \(10\)/,
  ],
  [
    'two that scale the worker',
    'worker.autoscaling.enabled=true,worker.keda.enabled=true',
    /exclude each other: .* Set one of them to false/,
  ],
  ['KEDA without Prometheus', 'worker.keda.enabled=true', /worker\.keda\.prometheusAddress is not set/],
  ['an Ingress without a host', 'api.ingress.enabled=true', /api\.ingress\.host is not set/],
  ['a route without a Gateway', 'api.httpRoute.enabled=true', /api\.httpRoute\.parentRefs is empty/],
  [
    'a node port of a load balancer',
    'gateway.service.nodePort=30222',
    /is for gateway\.service\.type NodePort/,
  ],
  [
    'a setting by the back door',
    'extraEnv[0].name=PIING_LOG_LEVEL,extraEnv[0].value=debug',
    /extraEnv has PIING_LOG_LEVEL, which is a setting of Piing/,
  ],
  ['an unknown value', 'gateway.replica=3', /at '\/gateway': additional properties 'replica' not allowed/],
  [
    'an unknown setting',
    'settings.PIING_SFTP_PROT=22',
    /additional properties 'PIING_SFTP_PROT' not allowed/,
  ],
  [
    'a setting out of bounds',
    'worker.settings.PIING_WORKER_CONCURRENCY=65',
    /PIING_WORKER_CONCURRENCY': maximum: got 65, want 64/,
  ],
  [
    'a setting that has a value of its own',
    'settings.PIING_LOG_LEVEL=debug',
    /'PIING_LOG_LEVEL' not allowed/,
  ],
  ['a wrong type', 'gateway.replicas=two', /at '\/gateway\/replicas': got string, want integer/],
  ['a wrong word', 'gateway.service.externalTrafficPolicy=local', /value must be one of 'Local', 'Cluster'/],
  ['a range that is none', 'gateway.proxyProtocol.ranges={nlb}', /'nlb' does not match pattern/],
];

describe('Values that cannot be', function () {
  this.timeout(60_000);

  for (const [what, set, sentence] of REFUSED) {
    it(`are refused with a sentence: ${what}`, async () => {
      const args = ['template', RELEASE, CHART, `--values=${MINIMAL_VALUES}`, `--set=${set}`];
      const { code, stderr } = await helm(args);
      assert.equal(code, 1);
      assert.match(stderr, sentence);
    });
  }

  it('do not include the least that has to be said', async () => {
    const { code, stderr } = await helm(['template', RELEASE, CHART, `--values=${MINIMAL_VALUES}`]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });
});
