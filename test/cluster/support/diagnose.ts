import type { Context, RootHookObject } from 'mocha';
import { startedNode } from './node.ts';
import { NAMESPACE } from './release.ts';

const QUESTIONS = [
  ['get', 'pods', '--all-namespaces', '--output=wide'],
  ['get', 'events', `--namespace=${NAMESPACE}`, '--sort-by=.lastTimestamp'],
  [
    ...['logs', `--namespace=${NAMESPACE}`, '--selector=app.kubernetes.io/name=piing-gateway'],
    ...['--prefix', '--tail=15', '--max-log-requests=50', '--ignore-errors'],
  ],
];
const LINES = 80;

/** The node ends with the run, so what is to be seen in it is said when a test fails. */
export async function diagnose(): Promise<void> {
  const node = await startedNode();
  if (!node) return;
  for (const question of QUESTIONS) {
    const { stdout, stderr } = await node.kubectl(question);
    const lines = `${stdout}${stderr}`.trimEnd().split('\n').slice(-LINES);
    process.stderr.write(`\n$ kubectl ${question.join(' ')}\n${lines.join('\n')}\n`);
  }
}

export const mochaHooks: RootHookObject = {
  async afterEach(this: Context) {
    if (this.currentTest?.state === 'failed') await diagnose();
  },
};
