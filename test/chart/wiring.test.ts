import assert from 'node:assert/strict';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { podTemplates, type Rendered, render, VALUES_FILES } from '../support/helm.ts';

type Labels = Readonly<Record<string, string>>;

const selects = (selector: Labels, labels: Labels) =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);

for (const file of VALUES_FILES) {
  describe(`A release with ${file}`, function () {
    this.timeout(60_000);
    let objects: Rendered[];
    before(async () => {
      objects = await render(file);
    });

    const ofKind = (...kinds: readonly string[]) => objects.filter(({ kind }) => kinds.includes(kind));
    const pods = () => podTemplates(objects);
    const deployments = () => pods().filter(({ owner }) => owner.kind === 'Deployment');

    it('gives every object a name of its own', () => {
      const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`);
      assert.equal(new Set(names).size, names.length);
    });

    it('selects the pods of one role by every Service, budget and policy', () => {
      const selectors = [
        ...ofKind('Service').map(({ spec }) => spec.selector),
        ...ofKind('PodDisruptionBudget').map(({ spec }) => spec.selector.matchLabels),
        ...ofKind('NetworkPolicy').map(({ spec }) => spec.podSelector.matchLabels),
        ...deployments().map(({ owner }) => owner.spec.selector.matchLabels),
      ];
      assert.ok(selectors.length >= 6);
      for (const selector of selectors) {
        const selected = pods().filter(({ labels }) => selects(selector, labels));
        assert.equal(selected.length, 1, JSON.stringify(selector));
      }
    });

    it('leads every port of a Service to a port of its pods', () => {
      for (const { metadata, spec } of ofKind('Service')) {
        const pod = pods().find(({ labels }) => selects(spec.selector, labels));
        const ports = pod?.spec.containers[0].ports.map(({ name }: { name: string }) => name);
        for (const { targetPort } of spec.ports) assert.ok(ports.includes(targetPort), metadata.name);
      }
    });

    it('publishes and scales what there is', () => {
      const services = ofKind('Service').map(({ metadata }) => metadata.name);
      for (const { spec } of ofKind('Ingress'))
        assert.ok(services.includes(spec.rules[0].http.paths[0].backend.service.name));
      for (const { spec } of ofKind('HTTPRoute'))
        assert.ok(services.includes(spec.rules[0].backendRefs[0].name));
      const names = deployments().map(({ owner }) => owner.metadata.name);
      for (const { spec } of ofKind('HorizontalPodAutoscaler', 'ScaledObject'))
        assert.ok(names.includes(spec.scaleTargetRef.name));
    });

    it('leaves the number of pods alone where something else decides on it', () => {
      const scaled = ofKind('HorizontalPodAutoscaler', 'ScaledObject').map(
        ({ spec }) => spec.scaleTargetRef.name,
      );
      for (const { owner } of deployments())
        assert.equal(owner.spec.replicas === undefined, scaled.includes(owner.metadata.name));
    });

    it('scales on metrics that the processes have', () => {
      const known = createMetrics()
        .registry.getMetricsAsArray()
        .map(({ name }) => name);
      const asked = ofKind('HorizontalPodAutoscaler', 'ScaledObject').flatMap(
        ({ spec }) => JSON.stringify(spec).match(/piing_[a-z_]+/g) ?? [],
      );
      for (const name of asked) assert.ok(known.includes(name), name);
    });

    it('has a budget exactly where there is more than one pod', () => {
      const budgets = ofKind('PodDisruptionBudget').map(({ metadata }) => metadata.name);
      for (const { owner } of deployments()) {
        const scaler = ofKind('HorizontalPodAutoscaler', 'ScaledObject').find(
          ({ spec }) => spec.scaleTargetRef.name === owner.metadata.name,
        );
        const fewest = owner.spec.replicas ?? scaler?.spec.minReplicas ?? scaler?.spec.minReplicaCount;
        assert.equal(budgets.includes(owner.metadata.name), fewest > 1, owner.metadata.name);
      }
    });

    it('gives every pod the time to drain, and no variables of Services, which its process would refuse', () => {
      for (const { spec, owner } of pods()) {
        assert.equal(spec.enableServiceLinks, false, owner.metadata.name);
        const env: { name: string; value?: string }[] = spec.containers[0].env;
        const seconds = (name: string) => Number(env.find((each) => each.name === name)?.value ?? 0);
        const drain = seconds('PIING_DRAIN_SECONDS') + seconds('PIING_DRAIN_DELAY_SECONDS');
        assert.ok(drain === 0 || spec.terminationGracePeriodSeconds >= drain + 10, owner.metadata.name);
      }
    });

    it('lets only the operator talk to the API server', () => {
      const accounts = ofKind('ServiceAccount').map(({ metadata }) => metadata.name);
      for (const { role, spec } of pods()) {
        assert.equal(spec.automountServiceAccountToken, role === 'operator');
        if (role !== 'test') assert.ok(accounts.includes(spec.serviceAccountName));
      }
      const subjects = ofKind('RoleBinding', 'ClusterRoleBinding').flatMap(
        (binding) => (binding as unknown as { subjects: { name: string }[] }).subjects,
      );
      for (const { name } of subjects) assert.match(name, /-operator$/);
    });

    it('opens in its policies the ports of the pods, and closes every other', () => {
      for (const { spec } of ofKind('NetworkPolicy')) {
        const pod = pods().find(({ labels }) => selects(spec.podSelector.matchLabels, labels));
        const listening = (pod?.spec.containers[0].ports ?? []).map(
          ({ containerPort }: { containerPort: number }) => containerPort,
        );
        const open = spec.ingress.flatMap(({ ports }: { ports: { port: number }[] }) =>
          ports.map(({ port }) => port),
        );
        assert.deepEqual(open.sort(), listening.sort());
        assert.deepEqual(spec.policyTypes, ['Ingress', 'Egress']);
      }
    });

    it('migrates before anything else, with an account that is there by then', () => {
      const hooked = objects.filter(({ metadata }) => metadata.annotations?.['helm.sh/hook']);
      const [job] = hooked.filter(({ kind }) => kind === 'Job');
      if (!job) return assert.ok(file.endsWith('small-values.yaml'));
      const weight = ({ metadata }: Rendered) => Number(metadata.annotations?.['helm.sh/hook-weight']);
      const account = hooked.find(
        ({ metadata }) => metadata.name === job.spec.template.spec.serviceAccountName,
      );
      assert.ok(account && weight(account) < weight(job));
      assert.equal(job.metadata.annotations?.['helm.sh/hook'], 'pre-install,pre-upgrade');
    });
  });
}
