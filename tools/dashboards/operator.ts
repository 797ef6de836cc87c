import type { BoardSpec } from './board.ts';
import { quantiles, rate, series } from './expressions.ts';

/** Other operators of the cluster use the same names. */
const CONTROLLER = 'controller=~"organization|schemaenablement"';
const QUEUE = 'name=~"organization|schemaenablement"';
const OPERATOR = 'role="operator"';

const ofOperators = (metric: string) =>
  `${metric} * on (namespace, instance) group_left (role) ${series('piing_build_info', OPERATOR)}`;

export const operator: BoardSpec = {
  uid: 'piing-operator',
  title: 'Operator',
  description:
    'From Organizations and SchemaEnablements to tenants: reconciliations, their queue, and the API server.',
  rows: [
    {
      title: 'Reconciliations',
      panels: [
        {
          title: 'Reconciliations by result',
          description:
            'requeue_after: done, and to be looked at again at a known time. error: tried again; terminal_error: not until the resource changes.',
          unit: 'ops',
          queries: [
            {
              expr: rate('controller, result', 'controller_runtime_reconcile_total', CONTROLLER),
              legend: '{{controller}} {{result}}',
            },
          ],
        },
        {
          title: 'Failed reconciliations',
          description: 'By controller. A resource’s status and events say what is wrong with it.',
          unit: 'ops',
          queries: [
            {
              expr: rate('controller', 'controller_runtime_reconcile_errors_total', CONTROLLER),
              legend: '{{controller}}',
            },
          ],
        },
        {
          title: 'Time of a reconciliation',
          description: 'From taking a key up to being done with it.',
          unit: 's',
          queries: quantiles(
            'controller_runtime_reconcile_time_seconds',
            [0.5, 0.95],
            'controller',
            CONTROLLER,
          ),
        },
        {
          title: 'Workers',
          description: 'Reconciliations that run now, and how many may (PIING_OPERATOR_WORKERS).',
          unit: 'short',
          queries: [
            {
              expr: `sum by (controller) (${series('controller_runtime_active_workers', CONTROLLER)})`,
              legend: '{{controller}} running',
            },
            {
              expr: `max by (controller) (${series('controller_runtime_max_concurrent_reconciles', CONTROLLER)})`,
              legend: '{{controller}} at most',
            },
          ],
        },
      ],
    },
    {
      title: 'Resources',
      panels: [
        {
          title: 'Resources by readiness',
          description: 'As their condition Ready says. Every replica counts all of them.',
          unit: 'short',
          queries: [
            {
              expr: `max by (kind, ready) (${series('piing_operator_resources')})`,
              legend: '{{kind}} {{ready}}',
            },
          ],
        },
        {
          title: 'Kept from the tenants',
          description: '1 where the database says that another install is in charge of the namespaces.',
          unit: 'short',
          queries: [
            { expr: `max by (namespace) (${series('piing_operator_refused')})`, legend: '{{namespace}}' },
          ],
        },
      ],
    },
    {
      title: 'Queue',
      panels: [
        {
          title: 'Waiting keys',
          description: 'Resources that wait for a worker.',
          unit: 'short',
          width: 8,
          queries: [{ expr: `sum by (name) (${series('workqueue_depth', QUEUE)})`, legend: '{{name}}' }],
        },
        {
          title: 'Added and tried again',
          description: 'Keys that were added, and those that were added after a failure.',
          unit: 'ops',
          width: 8,
          queries: [
            { expr: rate('name', 'workqueue_adds_total', QUEUE), legend: '{{name}} added' },
            { expr: rate('name', 'workqueue_retries_total', QUEUE), legend: '{{name}} again' },
          ],
        },
        {
          title: 'Wait for a worker',
          description: 'The 95th percentile of the time that keys wait.',
          unit: 's',
          width: 8,
          queries: quantiles('workqueue_queue_duration_seconds', [0.95], 'name', QUEUE),
        },
      ],
    },
    {
      title: 'Leader and API server',
      panels: [
        {
          title: 'Leader',
          description: '1 for the process that leads. All 0: nobody works.',
          unit: 'short',
          width: 8,
          queries: [
            {
              expr: `max by (namespace, instance) (${series('leader_election_master_status', 'name="piing-operator"')})`,
              legend: '{{namespace}} {{instance}}',
            },
          ],
        },
        {
          title: 'Requests to the API server',
          description:
            'By method and status. 0: no answer. 403: a Role is missing. 409: somebody else was first, tried again.',
          unit: 'ops',
          width: 8,
          queries: [
            {
              expr: `sum by (method, code) (${ofOperators(`rate(${series('rest_client_requests_total')}[$__rate_interval])`)})`,
              legend: '{{method}} {{code}}',
            },
          ],
        },
        {
          title: 'Memory of the operator',
          description: 'Resident memory by process.',
          unit: 'bytes',
          width: 8,
          queries: [
            {
              expr: `sum by (namespace, instance) (${ofOperators(series('process_resident_memory_bytes'))})`,
              legend: '{{namespace}} {{instance}}',
            },
          ],
        },
      ],
    },
  ],
};
