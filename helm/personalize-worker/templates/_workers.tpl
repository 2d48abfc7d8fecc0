{{/* The workers' names as JSON; one without a name if `workers` is empty. */}}
{{- define "personalize-worker.workerNames" -}}
{{- keys (default dict .Values.workers) | sortAlpha | default (list "") | toJson -}}
{{- end -}}

{{/* Sets all of `from` in `into`, maps key by key. Unlike mergeOverwrite it keeps a null, which is a value to the worker. */}}
{{- define "personalize-worker.merge" -}}
{{- $into := .into -}}
{{- range $key, $value := .from -}}
{{- $there := get $into $key -}}
{{- if and (kindIs "map" $value) (kindIs "map" $there) -}}
{{- include "personalize-worker.merge" (dict "into" $there "from" $value) -}}
{{- else -}}
{{- $_ := set $into $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
A worker as JSON, from the root and a worker's name: what a template sees as `.`, with the worker's own differences merged
into Values, its name, and that of its objects.
*/}}
{{- define "personalize-worker.worker" -}}
{{- $own := get (default dict .root.Values.workers) .name | default dict -}}
{{- $values := omit .root.Values "workers" | deepCopy -}}
{{- include "personalize-worker.merge" (dict "into" $values "from" $own) -}}
{{- /* An empty `config:` in a values file takes the default away. */ -}}
{{- range list "config" "inlineSecrets" "resources" "annotations" "podAnnotations" "podLabels" "nodeSelector" "affinity" "dnsConfig" -}}
{{- if not (get $values .) -}}{{- $_ := set $values . dict -}}{{- end -}}
{{- end -}}
{{- $release := include "personalize-worker.fullname" .root -}}
{{- $fullname := $release -}}
{{- if .name -}}
{{- $fullname = printf "%s-%s" ($release | trunc (sub 62 (len .name) | int) | trimSuffix "-") .name -}}
{{- end -}}
{{- $pick := dict "Name" .root.Release.Name "Namespace" .root.Release.Namespace "Service" .root.Release.Service -}}
{{- $chart := dict "Name" .root.Chart.Name "Version" .root.Chart.Version "AppVersion" .root.Chart.AppVersion -}}
{{- dict "Values" $values "Release" $pick "Chart" $chart "workerName" .name "fullname" $fullname "accountName" (hasKey $own "serviceAccount" | ternary $fullname $release) | toJson -}}
{{- end -}}

{{/* Whether something else decides the number of pods. */}}
{{- define "personalize-worker.isAutoscaled" -}}
{{- if or .Values.autoscaling.keda.enabled .Values.autoscaling.hpa.enabled -}}true{{- end -}}
{{- end -}}

{{/* The most pods that there may be. */}}
{{- define "personalize-worker.mostPods" -}}
{{- if include "personalize-worker.isAutoscaled" . -}}
{{- default 2 .Values.autoscaling.maxReplicas | int -}}
{{- else -}}
{{- int .Values.replicas -}}
{{- end -}}
{{- end -}}

{{/* The worker's drain, plus 15 seconds to commit, to leave the group and to exit; in whole seconds. */}}
{{- define "personalize-worker.neededGraceSeconds" -}}
{{- add (dig "shutdown" "drain_seconds" 20 .Values.config | float64 | ceil | int) 15 -}}
{{- end -}}

{{- define "personalize-worker.graceSeconds" -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds -}}
{{- include "personalize-worker.neededGraceSeconds" . -}}
{{- else -}}
{{- int .Values.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end -}}

{{- define "personalize-worker.adminPort" -}}
{{- dig "admin" "port" 9090 .Values.config | int -}}
{{- end -}}

{{- define "personalize-worker.source" -}}
{{- default "kafka" .Values.config.source -}}
{{- end -}}
