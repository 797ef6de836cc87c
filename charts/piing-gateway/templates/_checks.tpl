{{/* What a schema cannot say, in sentences. */}}
{{- define "piing.checks" -}}
{{- $values := .Values -}}
{{- if not $values.image.repository }}
{{- fail "image.repository is not set. Build the image with tools/image.sh, push it to your registry, and set image.repository to where it is." }}
{{- end }}
{{- if not $values.database.existingSecret }}
{{- fail "database.existingSecret is not set. Make a Secret with the URL of the control database: kubectl create secret generic piing-database --from-file=url=FILE, and set database.existingSecret to its name." }}
{{- end }}
{{- include "piing.checkStore" $values.rawStore }}
{{- range $role := list "gateway" "api" "worker" }}
{{- with (index $values $role).autoscaling }}
{{- if gt (int .minReplicas) (int .maxReplicas) }}
{{- fail (printf "%s.autoscaling.minReplicas (%v) is more than %s.autoscaling.maxReplicas (%v)." $role .minReplicas $role .maxReplicas) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $values.worker.autoscaling.enabled $values.worker.keda.enabled }}
{{- fail "worker.autoscaling.enabled and worker.keda.enabled exclude each other: KEDA makes a HorizontalPodAutoscaler of its own. Set one of them to false." }}
{{- end }}
{{- if and $values.worker.keda.enabled (not $values.worker.keda.prometheusAddress) }}
{{- fail "worker.keda.prometheusAddress is not set. KEDA asks Prometheus for the waiting files: set it to a URL such as http://prometheus.monitoring:9090." }}
{{- end }}
{{- if and $values.api.ingress.enabled (not $values.api.ingress.host) }}
{{- fail "api.ingress.host is not set. Set it to the host name under which the API is reached." }}
{{- end }}
{{- if and $values.api.httpRoute.enabled (not $values.api.httpRoute.parentRefs) }}
{{- fail "api.httpRoute.parentRefs is empty. Name the Gateway to attach to, such as [{name: public, namespace: gateways}]." }}
{{- end }}
{{- if and $values.gateway.service.nodePort (ne $values.gateway.service.type "NodePort") }}
{{- fail (printf "gateway.service.nodePort is for gateway.service.type NodePort, not for %s." $values.gateway.service.type) }}
{{- end }}
{{- range $values.extraEnv }}
{{- if regexMatch "^(PIING_|(ANALYTICS_)?DATABASE_URL$)" .name }}
{{- fail (printf "extraEnv has %s, which is a setting of Piing. Set it by a value of its own or under settings, where its name and form are checked." .name) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "piing.checkStore" -}}
{{- if not .url }}
{{- fail "rawStore.url is not set. Set it to s3://BUCKET[/PREFIX], or to a directory at which rawStore.existingClaim is mounted." }}
{{- else if hasPrefix "s3://" .url }}
{{- if .existingClaim }}
{{- fail (printf "rawStore.existingClaim is for a directory, and rawStore.url is the bucket %s. Set one of them." .url) }}
{{- end }}
{{- else if not (hasPrefix "/" .url) }}
{{- fail (printf "rawStore.url (%s) is neither s3://BUCKET[/PREFIX] nor the absolute path of a directory." .url) }}
{{- else if not .existingClaim }}
{{- fail (printf "rawStore.existingClaim is not set: files in %s would be lost with their pod. Name a ReadWriteMany claim, or use a bucket." .url) }}
{{- end }}
{{- end -}}
