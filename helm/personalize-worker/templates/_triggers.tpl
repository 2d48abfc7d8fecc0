{{/* KEDA's triggers of a worker. All metadata is text. */}}
{{- define "personalize-worker.triggers" -}}
{{- $keda := .Values.autoscaling.keda -}}
{{- if eq $keda.trigger "prometheus" -}}
{{- $pods := printf "%s-[a-z0-9]+-[a-z0-9]+" .fullname -}}
{{- $query := printf "avg(personalize_worker_desired_workers{namespace=%q,pod=~%q})" .Release.Namespace $pods -}}
- type: prometheus
  # The figure is the number of pods itself, so one for each.
  metricType: AverageValue
  metadata:
    serverAddress: {{ $keda.prometheus.serverAddress }}
    query: {{ default $query $keda.prometheus.query | quote }}
    threshold: "1"
    # No figure is a failure, in which the number of pods stays, and not a zero.
    ignoreNullValues: "false"
{{- include "personalize-worker.authentication" $keda }}
{{- else if eq (include "personalize-worker.source" .) "kafka" -}}
{{- $kafka := default dict .Values.config.kafka -}}
{{- $topics := default list $kafka.topics -}}
- type: kafka
  metricType: AverageValue
  metadata:
    bootstrapServers: {{ default "" $kafka.bootstrap_servers | quote }}
    consumerGroup: {{ default "personalize-worker" $kafka.group_id | quote }}
    {{- if and (eq (len $topics) 1) (not (hasPrefix "^" (first $topics))) }}
    topic: {{ first $topics | quote }}
    {{- end }}
    lagThreshold: {{ $keda.lag.recordsPerPod | int64 | toString | quote }}
    offsetResetPolicy: {{ default "earliest" $kafka.start }}
    {{- with merge (dict) $keda.lag.metadata (include "personalize-worker.triggerLogin" $kafka | fromJson) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- include "personalize-worker.authentication" $keda }}
{{- else -}}
{{- range $stream := (default dict .Values.config.kinesis).streams }}
- type: aws-kinesis-stream
  metricType: AverageValue
  metadata:
    streamName: {{ splitList "/" $stream | last | quote }}
    awsRegion: {{ dig "kinesis" "region" "" $.Values.config | default (dig "personalize" "region" "" $.Values.config) | quote }}
    shardCount: {{ $keda.lag.shardsPerPod | int64 | toString | quote }}
    {{- with $keda.lag.metadata }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- include "personalize-worker.authentication" $keda }}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "personalize-worker.authentication" -}}
{{- with .authenticationRef }}
  authenticationRef:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}

{{/* How KEDA logs in to Kafka, from how the worker does, as JSON. User and password come from a TriggerAuthentication. */}}
{{- define "personalize-worker.triggerLogin" -}}
{{- $login := dict -}}
{{- $client := default dict .client -}}
{{- if has (get $client "security.protocol") (list "SSL" "SASL_SSL") -}}{{- $_ := set $login "tls" "enable" -}}{{- end -}}
{{- $words := dict "PLAIN" "plaintext" "SCRAM-SHA-256" "scram_sha256" "SCRAM-SHA-512" "scram_sha512" "OAUTHBEARER" "oauthbearer" "GSSAPI" "gssapi" -}}
{{- with get $words (default (get $client "sasl.mechanisms") (get $client "sasl.mechanism")) -}}
{{- $_ := set $login "sasl" . -}}
{{- end -}}
{{- if eq (toString .authentication) "aws_msk_iam" -}}
{{- $region := default (regexFind "[a-z]{2,}(-[a-z]+)+-[0-9]+" .bootstrap_servers) .region -}}
{{- $login = dict "tls" "enable" "sasl" "oauthbearer" "saslTokenProvider" "aws_msk_iam" "awsRegion" $region -}}
{{- end -}}
{{- toJson $login -}}
{{- end -}}
