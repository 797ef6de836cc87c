import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ControlPlane, NODE_ADDRESS, NODE_NAME, POD_RANGE } from './control-plane.ts';
import { CNI_PROGRAMS } from './machine.ts';
import type { Namespaces, Server } from './namespaces.ts';

const CONTAINERD = '/run/containerd/containerd.sock';
const DNS_ADDRESS = '10.200.0.53';
export const PAUSE_IMAGE = 'localhost/pause:1';

/** What runs pods: containerd with a bridge for their network. */
export async function startContainerd({ directory, serve, inside }: Namespaces): Promise<Server> {
  const network = join(directory, 'network');
  await mkdir(network);
  await writeFile(join(network, '10-bridge.conflist'), JSON.stringify(BRIDGE));
  const file = join(directory, 'containerd.toml');
  await writeFile(file, containerdConfiguration(join(directory, 'containerd'), network));
  const containerd = await serve('containerd', 'containerd', [`--config=${file}`]);
  await containerd.until(async () =>
    (await inside('ctr', [`--address=${CONTAINERD}`, 'version'])).code === 0 ? true : undefined,
  );
  return containerd;
}

/** Puts a docker-archive where kubelet finds it. */
export async function importImage({ inside }: Namespaces, archive: string): Promise<void> {
  await ctr(inside, ['images', 'import', archive]);
}

export async function tagImage({ inside }: Namespaces, image: string, name: string): Promise<void> {
  await ctr(inside, ['images', 'tag', image, name]);
}

/** Ends a container's processes at once, as the kernel does that is out of memory; its pod stays. */
export async function killContainer({ inside }: Namespaces, id: string): Promise<void> {
  await ctr(inside, ['tasks', 'kill', '--signal=SIGKILL', '--all', id]);
}

async function ctr(inside: Namespaces['inside'], args: readonly string[]): Promise<void> {
  const { code, stderr } = await inside('ctr', [`--address=${CONTAINERD}`, '--namespace=k8s.io', ...args], {
    timeoutMs: 300_000,
  });
  if (code !== 0) throw new Error(`ctr ${args.join(' ')}: ${stderr}`);
}

/** kubelet, which is returned, kube-proxy and the name service. */
export async function startKubelet(
  { directory, serve }: Namespaces,
  programs: string,
  { kubeconfig, kubeletClientCertificate }: ControlPlane,
): Promise<Server> {
  const write = async (name: string, content: string) => {
    await writeFile(join(directory, name), content);
    return join(directory, name);
  };
  const resolvConf = await write('resolv.conf', `nameserver ${DNS_ADDRESS}\n`);
  const configuration = await write(
    'kubelet.json',
    kubeletConfiguration(kubeletClientCertificate, resolvConf),
  );
  const kubelet = await serve('kubelet', join(programs, 'kubelet'), [
    `--config=${configuration}`,
    `--kubeconfig=${kubeconfig('kubelet')}`,
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${NODE_ADDRESS}`,
    `--cert-dir=${join(directory, 'keys')}`,
  ]);
  const proxy = await write('kube-proxy.json', proxyConfiguration(kubeconfig('kube-proxy')));
  await serve('kube-proxy', join(programs, 'kube-proxy'), [`--config=${proxy}`]);
  const names = `kubernetes cluster.local in-addr.arpa {\n    kubeconfig ${kubeconfig('admin')}\n  }`;
  const coredns = `.:53 {\n  bind ${DNS_ADDRESS}\n  errors\n  cache 5\n  ${names}\n}\n`;
  await serve('coredns', join(programs, 'coredns'), ['-conf', await write('Corefile', coredns)]);
  return kubelet;
}

const BRIDGE = {
  cniVersion: '1.0.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      ipMasq: true,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        ranges: [[{ subnet: '10.244.0.0/24' }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};

/** `restrict_oom_score_adj`: without CAP_SYS_RESOURCE runc could not lower it, and no pod would start. */
const containerdConfiguration = (root: string, network: string) => `
version = 2
root = "${root}"
state = "/run/containerd"
[grpc]
  address = "${CONTAINERD}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${CNI_PROGRAMS}"
    conf_dir = "${network}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`;

/** Of version 1 of cgroups, and without CAP_SYS_RESOURCE. Images are never collected: none could be pulled again. */
const kubeletConfiguration = (clientCertificate: string, resolvConf: string) =>
  JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: clientCertificate } },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: `unix://${CONTAINERD}`,
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    clusterDNS: [DNS_ADDRESS],
    clusterDomain: 'cluster.local',
    resolvConf,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
  });

/** Limits of connection tracking are the machine's, not to be touched. */
const proxyConfiguration = (kubeconfig: string) =>
  JSON.stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    oomScoreAdj: 0,
    clusterCIDR: POD_RANGE,
    hostnameOverride: NODE_NAME,
    clientConnection: { kubeconfig },
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  });
