import type { CredentialReport, OrganizationReport } from '../tenancy/organization-report.ts';
import type { CredentialSpec, OrganizationStatus } from '../tenancy/resources.ts';
import type { Organization, Secret } from './kinds.ts';
import { mergeConditions, type NewCondition, toSeconds } from './runtime/conditions.ts';

/** What was found out about an organization, from which its status is made. */
export interface OrganizationState {
  readonly report: OrganizationReport;
  /** Delivery Secrets by credential. */
  readonly waiting: ReadonlyMap<string, Secret>;
  readonly incomplete: readonly string[];
  /** What would make it work better. */
  readonly advice: string | undefined;
}

/** Everything works as far as `incomplete` allows. */
export function appliedStatus(
  organization: Organization,
  state: OrganizationState,
  now: Date,
): OrganizationStatus {
  const { report, waiting } = state;
  const conditions = [readyCondition(state), deliveredCondition(waiting), suspendedCondition(organization)];
  const credentials = organization.spec.credentials
    .map((spec) => credentialStatus(spec, report, waiting.get(spec.name), organization.status))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const { schemaTypes, lastUploadAt } = report;
  return {
    ...withConditions(organization, conditions, now),
    // A server-side apply takes an empty list for none, and the status would never be what was written.
    ...(credentials.length > 0 ? { credentials } : {}),
    ...(schemaTypes.length > 0 ? { schemaTypes } : {}),
    ...(lastUploadAt ? { lastUploadTime: toSeconds(lastUploadAt) } : {}),
  };
}

/** Nothing was applied: what the gateway knows is as before, or nothing. */
export function refusedStatus(
  organization: Organization,
  ready: Omit<NewCondition, 'type'>,
  now: Date,
): OrganizationStatus {
  const { status = {} } = organization;
  const unknown: NewCondition = {
    type: 'CredentialsDelivered',
    status: 'Unknown',
    reason: 'NotApplied',
    message: 'See the condition Ready.',
  };
  const known = (type: string) => status.conditions?.find((condition) => condition.type === type);
  const conditions = [
    { type: 'Ready', ...ready },
    known('CredentialsDelivered') ?? unknown,
    known('Suspended') ?? { ...unknown, type: 'Suspended' },
  ];
  return { ...status, ...withConditions(organization, conditions, now) };
}

function withConditions(
  { metadata: { generation = 0 }, status }: Organization,
  conditions: readonly NewCondition[],
  now: Date,
): OrganizationStatus {
  const merged = mergeConditions(status?.conditions, conditions, generation, now);
  return { observedGeneration: generation, conditions: merged };
}

function readyCondition({ incomplete, advice }: OrganizationState): NewCondition {
  const withAdvice = (...sentences: readonly string[]) =>
    [...sentences, ...(advice ? [advice] : [])].join(' ');
  if (incomplete.length > 0)
    return { type: 'Ready', status: 'False', reason: 'Incomplete', message: withAdvice(...incomplete) };
  const message = withAdvice('The gateway works as spec says.');
  return { type: 'Ready', status: 'True', reason: 'Applied', message };
}

function deliveredCondition(waiting: ReadonlyMap<string, Secret>): NewCondition {
  const names = [...waiting.values()].map(({ metadata }) => metadata.name).sort();
  const type = 'CredentialsDelivered';
  if (names.length === 0)
    return { type, status: 'True', reason: 'NothingWaits', message: 'No new secret waits to be picked up.' };
  const message = `Read the new pairs in ${names.join(', ')}. Then annotate each with piing.ai/delivered=true, or leave it to be deleted after deliveryTTL.`;
  return { type, status: 'False', reason: 'WaitingForPickup', message };
}

function suspendedCondition({ spec }: Organization): NewCondition {
  return spec.suspended
    ? { type: 'Suspended', status: 'True', reason: 'BySpec', message: 'All logins are refused.' }
    : { type: 'Suspended', status: 'False', reason: 'BySpec', message: 'Logins are allowed.' };
}

type CredentialStatus = NonNullable<OrganizationStatus['credentials']>[number];

function credentialStatus(
  spec: CredentialSpec,
  report: OrganizationReport,
  delivery: Secret | undefined,
  before: OrganizationStatus | undefined,
): CredentialStatus {
  const { name } = spec;
  const known = report.credentials.find((credential) => credential.name === name);
  if (!known) {
    // A database that has just lost it is to issue the same id again.
    const clientId = before?.credentials?.find((credential) => credential.name === name)?.clientId;
    return { name, state: spec.revoked ? 'Revoked' : 'Waiting', ...(clientId ? { clientId } : {}) };
  }
  return {
    name,
    clientId: known.clientId,
    state: stateOf(known),
    ...(delivery ? { secretName: delivery.metadata.name } : {}),
    createdAt: toSeconds(known.createdAt),
    ...(known.lastUsedAt ? { lastUsedAt: toSeconds(known.lastUsedAt) } : {}),
    ...(known.expiresAt ? { expiresAt: toSeconds(known.expiresAt) } : {}),
  };
}

function stateOf({ revoked, expired }: CredentialReport): CredentialStatus['state'] {
  if (revoked) return 'Revoked';
  return expired ? 'Expired' : 'Active';
}
