{{/* Every pod that serves metrics. */}}
{{- define "piing.metricsSelector" -}}
matchLabels:
  app.kubernetes.io/name: piing-gateway
  app.kubernetes.io/instance: {{ .Release.Name }}
matchExpressions:
  - key: app.kubernetes.io/component
    operator: In
    values: [gateway, api, worker, operator]
{{- end -}}
