import assert from 'node:assert/strict';
import { othersCrds } from '../../tools/crds.mjs';
import { type ControlPlane, testControlPlane } from '../support/control-plane.ts';
import { podTemplates, type Rendered, render, VALUES_FILES } from '../support/helm.ts';

const NAMESPACE = 'chart-accepted';
const list = (items: readonly object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

describe('What the chart renders', function () {
  this.timeout(60_000);
  let plane: ControlPlane;

  before(async function () {
    this.timeout(1_800_000);
    plane = await testControlPlane();
    const crds = othersCrds().map((file) => `--filename=${file}`);
    await plane.mustKubectl(['apply', '--server-side', ...crds]);
    await plane.mustKubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=120s']);
    for (const namespace of [NAMESPACE, 'tenants-a', 'tenants-b'])
      await plane.mustKubectl(['create', 'namespace', namespace]);
    const labels = ['enforce', 'warn'].map((mode) => `pod-security.kubernetes.io/${mode}=restricted`);
    await plane.mustKubectl(['label', 'namespace', NAMESPACE, ...labels]);
    // The controller manager's work.
    await plane.mustKubectl(['create', 'serviceaccount', 'default', '-n', NAMESPACE]);
  });

  const tryApply = (objects: readonly object[]) =>
    plane.kubectl(['apply', '--server-side', '--dry-run=server', '-f', '-'], list(objects));

  for (const file of VALUES_FILES) {
    it(`is accepted by the API server, without a warning: ${file}`, async () => {
      const objects = await render(file, { namespace: NAMESPACE });
      const { code, stdout, stderr } = await tryApply(objects.filter(({ kind }) => kind !== 'Pod'));
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.equal(
        stdout.trim().split('\n').length,
        objects.filter(({ kind }) => kind !== 'Pod').length,
        stdout,
      );
    });

    it(`has only pods that the Pod Security Standard "restricted" admits: ${file}`, async () => {
      const objects = await render(file, { namespace: NAMESPACE });
      const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount');
      await plane.mustKubectl(['apply', '--server-side', '-n', NAMESPACE, '-f', '-'], list(accounts));
      const pods = podTemplates(objects).map(podOf);
      assert.ok(pods.length >= 5, `${pods.length} pods`);
      const { code, stderr } = await tryApply(pods);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    });
  }

  it('would be noticed if it were not restricted', async () => {
    const [template] = podTemplates(await render(VALUES_FILES[0] as string, { namespace: NAMESPACE }));
    assert.ok(template);
    const pod = podOf(template) as Rendered;
    pod.spec.containers[0].securityContext.allowPrivilegeEscalation = true;
    const { code, stderr } = await tryApply([pod]);
    assert.equal(code, 1);
    assert.match(stderr, /violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false/);
  });
});

/** The pod that a controller would make, whose name nobody has. */
function podOf({ owner, labels, spec }: ReturnType<typeof podTemplates>[number]): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${owner.metadata.name}-try`, namespace: NAMESPACE, labels },
    // Pods of Deployments have the default.
    spec: { restartPolicy: 'Always', ...spec },
  };
}
