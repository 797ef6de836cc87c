{{/* What every pod's spec begins with; it passes the Pod Security Standard "restricted". */}}
{{- define "piing.podBasics" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- /* The variables that Kubernetes makes of Services begin with PIING_ too, and ours refuse what they do not know. */}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "piing.containerBasics" -}}
image: {{ include "piing.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* Where a role may run: its values. */}}
{{- define "piing.placement" -}}
{{- with .priorityClassName -}}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Replicas of one version apart, over zones and over nodes, as far as there are any. */}}
{{- define "piing.spread" -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "piing.selector" $ | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end -}}

{{/* (dict "root" $ "role" "worker"), as a list: `volumes` of a pod. */}}
{{- define "piing.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- if eq .role "gateway" }}
- name: host-keys
  secret:
    secretName: {{ include "piing.hostKeysSecret" .root }}
    defaultMode: 0440
    items:
      {{- range include "piing.hostKeyFiles" .root | fromJsonArray }}
      - key: {{ . }}
        path: {{ . }}
      {{- end }}
{{- end }}
{{- with .root.Values.schemas.existingConfigMap }}
- name: schemas
  configMap:
    name: {{ . }}
{{- end }}
{{- with .root.Values.trustedCertificates.existingConfigMap }}
- name: certificates
  configMap:
    name: {{ . }}
{{- end }}
{{- if and .root.Values.rawStore.existingClaim (has .role (list "gateway" "api" "worker")) }}
- name: raw-store
  persistentVolumeClaim:
    claimName: {{ .root.Values.rawStore.existingClaim }}
{{- end }}
{{- end -}}

{{- define "piing.volumeMounts" -}}
- name: tmp
  mountPath: /tmp
{{- if eq .role "gateway" }}
- name: host-keys
  mountPath: /etc/piing/host-keys
  readOnly: true
{{- end }}
{{- if .root.Values.schemas.existingConfigMap }}
- name: schemas
  mountPath: /etc/piing/schemas
  readOnly: true
{{- end }}
{{- if .root.Values.trustedCertificates.existingConfigMap }}
- name: certificates
  mountPath: /etc/piing/certificates
  readOnly: true
{{- end }}
{{- if and .root.Values.rawStore.existingClaim (has .role (list "gateway" "api" "worker")) }}
- name: raw-store
  mountPath: {{ .root.Values.rawStore.url }}
{{- end }}
{{- end -}}
