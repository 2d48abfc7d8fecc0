{{/* The ports of a worker's brokers, of its schema registry and of AWS, each as a JSON list. */}}
{{- define "personalize-worker.brokerPorts" -}}
{{- $ports := .Values.networkPolicy.brokerPorts -}}
{{- if not $ports -}}
{{- $ports = list -}}
{{- range splitList "," (dig "kafka" "bootstrap_servers" "" .Values.config) -}}
{{- with regexFind "[0-9]+ *$" . -}}{{- $ports = append $ports (trim . | int) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

{{- define "personalize-worker.registryPorts" -}}
{{- $ports := list -}}
{{- range dig "schema_registry" "url" list .Values.config -}}
{{- $ports = append $ports (include "personalize-worker.portOf" . | int) -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

{{- define "personalize-worker.awsPorts" -}}
{{- $ports := list 443 -}}
{{- $kinesis := default dict .Values.config.kinesis -}}
{{- range list (dig "personalize" "endpoint_url" "" .Values.config) $kinesis.endpoint_url $kinesis.dynamodb_endpoint_url -}}
{{- with . -}}{{- $ports = append $ports (include "personalize-worker.portOf" . | int) -}}{{- end -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

{{/* The port of an http address. */}}
{{- define "personalize-worker.portOf" -}}
{{- $host := (urlParse .).host -}}
{{- with regexFind ":[0-9]+$" $host -}}
{{- trimPrefix ":" . -}}
{{- else -}}
{{- hasPrefix "https:" $ | ternary "443" "80" -}}
{{- end -}}
{{- end -}}
