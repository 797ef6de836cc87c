{{/*
The environment of one role: (dict "root" $ "role" "worker"). Each process refuses variables of ours that it does not
know, and test/chart/environment.test.ts holds this list to what the processes read.
*/}}
{{- define "piing.environment" -}}
{{- $values := .root.Values -}}
{{- $own := index $values .role | default dict -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ $values.database.existingSecret }}
      key: {{ $values.database.key }}
{{- if and $values.analyticsDatabase.existingSecret (has .role (list "worker" "migrate")) }}
- name: ANALYTICS_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ $values.analyticsDatabase.existingSecret }}
      key: {{ $values.analyticsDatabase.key }}
{{- end }}
{{- if has .role (list "gateway" "api" "worker") }}
{{ include "piing.storeEnvironment" .root }}
- name: PIING_DRAIN_SECONDS
  value: {{ $own.drainSeconds | quote }}
- name: PIING_DRAIN_DELAY_SECONDS
  {{- /* Nobody connects to a worker. */}}
  value: {{ $own.drainDelaySeconds | default 0 | quote }}
{{- end }}
{{- if eq .role "gateway" }}
- name: PIING_HOST_KEYS
  value: {{ include "piing.hostKeyPaths" .root }}
{{- with $own.proxyProtocol.ranges }}
- name: PIING_SFTP_PROXY_RANGES
  value: {{ join "," . | quote }}
{{- end }}
{{- else if eq .role "api" }}
{{- with $own.trustedProxies }}
- name: PIING_TRUSTED_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
{{- with $own.allowedOrigins }}
- name: PIING_HTTP_ALLOWED_ORIGINS
  value: {{ join "," . | quote }}
{{- end }}
{{- else if eq .role "operator" }}
{{- with $own.watchNamespaces }}
- name: PIING_WATCH_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
{{- end }}
{{- if $values.schemas.existingConfigMap }}
- name: PIING_SCHEMAS_DIR
  value: /etc/piing/schemas
{{- end }}
- name: PIING_LOG_LEVEL
  value: {{ $values.logging.level }}
- name: PIING_LOG_FORMAT
  value: json
{{- range $name, $value := mergeOverwrite (deepCopy $values.settings) ($own.settings | default dict) }}
- name: {{ $name }}
  {{- /* Helm reads numbers as floating point: 104857600 would become 1.048576e+08. */}}
  value: {{ ternary (printf "%v" ($value | int64)) (toString $value) (kindIs "float64" $value) | quote }}
{{- end }}
{{- with $own.nodeOptions }}
- name: NODE_OPTIONS
  value: {{ . | quote }}
{{- end }}
{{- if $values.trustedCertificates.existingConfigMap }}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/piing/certificates/{{ $values.trustedCertificates.key }}
{{- end }}
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "piing.storeEnvironment" -}}
{{- $store := .Values.rawStore -}}
- name: PIING_RAW_STORE
  value: {{ $store.url | quote }}
{{- if hasPrefix "s3://" $store.url }}
- name: PIING_S3_REGION
  value: {{ $store.region | quote }}
{{- with $store.endpoint }}
- name: PIING_S3_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- if $store.forcePathStyle }}
- name: PIING_S3_FORCE_PATH_STYLE
  value: "true"
{{- end }}
{{- with $store.existingSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: {{ $store.accessKeyIdKey }}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: {{ $store.secretAccessKeyKey }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "piing.hostKeyFiles" -}}
{{- if .Values.hostKeys.existingSecret -}}
{{- toJson .Values.hostKeys.files -}}
{{- else -}}
{{- $files := list -}}
{{- range .Values.hostKeys.generate }}{{ $files = append $files (printf "ssh_host_%s_key" .) }}{{ end -}}
{{- toJson $files -}}
{{- end -}}
{{- end -}}

{{- define "piing.hostKeyPaths" -}}
{{- $paths := list -}}
{{- range include "piing.hostKeyFiles" . | fromJsonArray }}{{ $paths = append $paths (printf "/etc/piing/host-keys/%s" .) }}{{ end -}}
{{- join "," $paths | quote -}}
{{- end -}}
