import type { WebhookSecrets } from '../tenancy/webhook-secrets.ts';
import type { Secret } from './kinds.ts';
import { isNotFound } from './runtime/api-error.ts';
import type { ResourceClient } from './runtime/resource-client.ts';

/** The Secrets of the cluster. A change is noticed at once when its Secret has the label of its organization. */
export function clusterWebhookSecrets(secrets: ResourceClient<Secret>): WebhookSecrets {
  return {
    read: async (namespace, { name, key }) => {
      try {
        const { data = {} } = await secrets.get(namespace, name);
        const value = data[key];
        return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
  };
}
