{{- define "personalize-worker.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "personalize-worker.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "personalize-worker.labels" -}}
{{ include "personalize-worker.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "personalize-worker.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "personalize-worker.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The worker's drain, plus 15 seconds to commit, to leave the group and to exit; in whole seconds. */}}
{{- define "personalize-worker.gracePeriodSeconds" -}}
{{- add (dig "shutdown" "drain_seconds" 20 .Values.config | float64 | ceil | int) 15 -}}
{{- end -}}

{{/* Static members with the same id fence each other, so with several pods the id must contain the pod's name. */}}
{{- define "personalize-worker.refuseSharedInstanceId" -}}
{{- $ids := list (dig "kafka" "client" "group.instance.id" "" .Values.config) -}}
{{- range .Values.env -}}
{{- if eq (toString .name) "WORKER_KAFKA__CLIENT__GROUP_INSTANCE_ID" -}}
{{- $ids = append $ids (default "" .value) -}}
{{- end -}}
{{- end -}}
{{- range $ids -}}
{{- if and . (gt (int $.Values.replicas) 1) (not (contains "{hostname}" .)) (not (contains "$(" .)) -}}
{{- fail (printf "group.instance.id %q would be the same for all %d pods, which would fence each other: put {hostname} in it, for the pod's name" . (int $.Values.replicas)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "personalize-worker.adminPort" -}}
{{- dig "admin" "port" 9090 .Values.config | int -}}
{{- end -}}
