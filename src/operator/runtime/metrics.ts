import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ControllerObserver, ReconcileResult } from './controller.ts';
import type { QueueObserver } from './work-queue.ts';

const RECONCILE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const QUEUE_SECONDS = [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 60, 600];
const RESULTS: readonly ReconcileResult[] = ['success', 'requeue_after', 'error', 'terminal_error'];

/** The names that dashboards and alerts for operators know, from controller-runtime and client-go. */
export interface RuntimeMetrics {
  queue(controller: string): QueueObserver;
  controller(controller: string, workers: number): ControllerObserver;
  readonly leading: Gauge<'name'>;
  readonly requests: Counter<'method' | 'code'>;
}

export function createRuntimeMetrics(registry: Registry): RuntimeMetrics {
  const registers = [registry];
  return {
    queue: queueMetrics(registers),
    controller: controllerMetrics(registers),
    leading: new Gauge({
      name: 'leader_election_master_status',
      help: '1 while this process leads',
      labelNames: ['name'],
      registers,
    }),
    requests: new Counter({
      name: 'rest_client_requests_total',
      help: 'Requests to the API server by method and status; code 0: no answer',
      labelNames: ['method', 'code'],
      registers,
    }),
  };
}

function queueMetrics(registers: Registry[]): RuntimeMetrics['queue'] {
  const labelNames = ['name'];
  const define = { labelNames, registers };
  const depth = new Gauge({ name: 'workqueue_depth', help: 'Keys that wait for a worker', ...define });
  const adds = new Counter({ name: 'workqueue_adds_total', help: 'Keys added', ...define });
  const retries = new Counter({
    name: 'workqueue_retries_total',
    help: 'Keys added after a failure',
    ...define,
  });
  const waited = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'How long keys waited for a worker',
    buckets: QUEUE_SECONDS,
    ...define,
  });
  const worked = new Histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'How long keys were worked on',
    buckets: QUEUE_SECONDS,
    ...define,
  });
  return (name) => {
    depth.set({ name }, 0);
    adds.inc({ name }, 0);
    retries.inc({ name }, 0);
    return {
      depth: (length) => depth.set({ name }, length),
      added: () => adds.inc({ name }),
      retried: () => retries.inc({ name }),
      waited: (seconds) => waited.observe({ name }, seconds),
      worked: (seconds) => worked.observe({ name }, seconds),
    };
  };
}

function controllerMetrics(registers: Registry[]): RuntimeMetrics['controller'] {
  const labelNames = ['controller'];
  const define = { labelNames, registers };
  const total = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciliations by result',
    labelNames: ['controller', 'result'],
    registers,
  });
  const errors = new Counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Reconciliations that failed',
    ...define,
  });
  const terminal = new Counter({
    name: 'controller_runtime_terminal_reconcile_errors_total',
    help: 'Reconciliations that failed and are not tried again until the object changes',
    ...define,
  });
  const seconds = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'How long a reconciliation took',
    buckets: RECONCILE_SECONDS,
    ...define,
  });
  const active = new Gauge({
    name: 'controller_runtime_active_workers',
    help: 'Reconciliations that run now',
    ...define,
  });
  const workersMax = new Gauge({
    name: 'controller_runtime_max_concurrent_reconciles',
    help: 'Reconciliations that may run at the same time',
    ...define,
  });
  return (controller, workers) => {
    for (const result of RESULTS) total.inc({ controller, result }, 0);
    errors.inc({ controller }, 0);
    terminal.inc({ controller }, 0);
    active.set({ controller }, 0);
    workersMax.set({ controller }, workers);
    return {
      started: () => active.inc({ controller }),
      ended: (result, duration) => {
        active.dec({ controller });
        total.inc({ controller, result });
        seconds.observe({ controller }, duration);
        if (result === 'error' || result === 'terminal_error') errors.inc({ controller });
        if (result === 'terminal_error') terminal.inc({ controller });
      },
    };
  };
}
