{{/* The beginning of all names: the release's, which usually is "piing". */}}
{{- define "piing.name" -}}
{{- .Values.nameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Call with (dict "root" $ "role" "gateway"). */}}
{{- define "piing.selector" -}}
app.kubernetes.io/name: piing-gateway
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{/* Call with (dict "root" $ "role" "gateway"). */}}
{{- define "piing.labels" -}}
{{ include "piing.selector" . }}
app.kubernetes.io/part-of: piing-gateway
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Of pods: what changes with every release of the chart would restart them, and end their sessions. */}}
{{- define "piing.podLabels" -}}
{{ include "piing.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{- end -}}

{{- define "piing.image" -}}
{{- $reference := printf ":%s" (.Values.image.tag | default .Chart.AppVersion) -}}
{{- if .Values.image.digest }}{{ $reference = printf "@%s" .Values.image.digest }}{{ end -}}
{{ .Values.image.repository }}{{ $reference }}
{{- end -}}

{{- define "piing.hostKeysSecret" -}}
{{- .Values.hostKeys.existingSecret | default (printf "%s-host-keys" (include "piing.name" .)) -}}
{{- end -}}

{{/* The roles that have pods, as a JSON object with the fewest replicas of each. */}}
{{- define "piing.fewestReplicas" -}}
{{- $fewest := dict -}}
{{- range $role := list "gateway" "api" "worker" "operator" -}}
{{- $values := index $.Values $role -}}
{{- $scaled := or (dig "autoscaling" "enabled" false $values) (dig "keda" "enabled" false $values) -}}
{{- $_ := set $fewest $role (ternary (dig "autoscaling" "minReplicas" 1 $values) $values.replicas $scaled | int) -}}
{{- end -}}
{{- toJson $fewest -}}
{{- end -}}
