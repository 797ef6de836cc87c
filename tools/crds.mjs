// The CustomResourceDefinitions of others that the chart has resources of: for tests, from their Go modules, pinned by
// tools/crds/go.mod.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const directory = join(dirname(fileURLToPath(import.meta.url)), 'crds');

const FILES = {
  'sigs.k8s.io/gateway-api': ['config/crd/standard/gateway.networking.k8s.io_httproutes.yaml'],
  'github.com/prometheus-operator/prometheus-operator': [
    'podmonitors',
    'servicemonitors',
    'prometheusrules',
  ].map((name) => `example/prometheus-operator-crd/monitoring.coreos.com_${name}.yaml`),
  'github.com/kedacore/keda/v2': ['config/crd/bases/keda.sh_scaledobjects.yaml'],
};

export function othersCrds() {
  const format = '{{.Path}} {{.Dir}}';
  const download = spawnSync('go', ['mod', 'download'], { cwd: directory, stdio: ['ignore', 2, 2] });
  if (download.status !== 0) throw new Error('go mod download failed: see its message above.');
  const modules = Object.keys(FILES);
  const args = ['list', '-m', '-f', format, ...modules];
  const list = spawnSync('go', args, { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });
  if (list.status !== 0) throw new Error('go list failed: see its message above.');
  return list.stdout
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [module, root] = line.split(' ');
      return FILES[module].map((file) => join(root, file));
    });
}
