{{/* The release's own objects have this name; a worker's, this and the worker's. */}}
{{- define "personalize-worker.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "personalize-worker.release.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels that every object has. */}}
{{- define "personalize-worker.labels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The one worker has no component in its selector: a selector can't be changed by an upgrade. */}}
{{- define "personalize-worker.selector" -}}
{{ include "personalize-worker.release.selector" . }}
{{- if .workerName }}
app.kubernetes.io/component: {{ .workerName }}
{{- end }}
{{- end -}}

{{- define "personalize-worker.component" -}}
{{- default "worker" .workerName -}}
{{- end -}}

{{- define "personalize-worker.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default .accountName .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* By the digest, if there is one; by the tag, so that people see the version. */}}
{{- define "personalize-worker.image" -}}
{{- with .Values.image -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- with .digest -}}@{{ . }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* What both monitors make of the pods' labels, and the alerts select. */}}
{{- define "personalize-worker.metrics.selector" -}}
{{- default (printf "job=%q,namespace=%q" .Release.Name .Release.Namespace) .Values.prometheusRule.selector -}}
{{- end -}}
