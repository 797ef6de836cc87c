import type { WebhookSecrets } from '../tenancy/webhook-secrets.ts';
import type { NamedSecrets } from './named-secrets.ts';

/** The Secrets of the cluster, of the organization's own namespace. */
export function clusterWebhookSecrets(secrets: NamedSecrets): WebhookSecrets {
  return {
    read: async (_namespace, { name, key }) => {
      const value = (await secrets.read(name))?.data?.[key];
      return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
    },
  };
}
