{{/*
The Deployment of one role: (dict "root" $ "role" "api" "ports" (dict "http" 8080)).
*/}}
{{- define "piing.deployment" -}}
{{- $root := .root -}}
{{- $values := index $root.Values .role -}}
{{- $scaled := or (dig "autoscaling" "enabled" false $values) (dig "keda" "enabled" false $values) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "piing.name" $root }}-{{ .role }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "piing.labels" . | nindent 4 }}
spec:
  {{- if not $scaled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  selector:
    matchLabels: {{- include "piing.selector" . | nindent 6 }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        {{- include "piing.podLabels" . | nindent 8 }}
        {{- with $root.Values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        kubectl.kubernetes.io/default-container: {{ .role }}
        {{- with mergeOverwrite (deepCopy $root.Values.podAnnotations) $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "piing.podBasics" $root | trim | nindent 6 }}
      serviceAccountName: {{ include "piing.name" $root }}-{{ .role }}
      automountServiceAccountToken: {{ eq .role "operator" }}
      {{- /* 15 s to close what is left, and to be told so. */}}
      terminationGracePeriodSeconds: {{ add ($values.drainSeconds | default 15) ($values.drainDelaySeconds | default 0) 15 }}
      {{- with include "piing.placement" $values | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      topologySpreadConstraints: {{- include "piing.spread" . | trim | nindent 8 }}
      containers:
        - name: {{ .role }}
          args: [{{ .role }}]
          {{- include "piing.containerBasics" $root | nindent 10 }}
          env: {{- include "piing.environment" . | nindent 12 }}
          ports:
            {{- range $name, $port := .ports }}
            - name: {{ $name }}
              containerPort: {{ $port }}
            {{- end }}
            - name: metrics
              containerPort: 9090
          {{- include "piing.probes" . | nindent 10 }}
          resources: {{- toYaml $values.resources | nindent 12 }}
          volumeMounts: {{- include "piing.volumeMounts" . | nindent 12 }}
      volumes: {{- include "piing.volumes" . | nindent 8 }}
{{- end -}}

{{- define "piing.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 5
  # Its own checks give up after 3 s.
  timeoutSeconds: 4
  failureThreshold: 2
{{- end -}}
