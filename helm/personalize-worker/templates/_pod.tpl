{{/* Where the settings that are secrets come from: setting, Secret and key of each, as JSON. */}}
{{- define "personalize-worker.secrets" -}}
{{- $all := list -}}
{{- range .Values.secretFiles -}}
{{- $all = append $all (dict "setting" .setting "secret" .existingSecret "key" .key) -}}
{{- end -}}
{{- if .Values.externalSecret.enabled -}}
{{- range $setting := keys .Values.externalSecret.settings | sortAlpha -}}
{{- $all = append $all (dict "setting" $setting "secret" (printf "%s-external" $.fullname) "key" $setting) -}}
{{- end -}}
{{- end -}}
{{- range $setting := keys .Values.inlineSecrets | sortAlpha -}}
{{- $all = append $all (dict "setting" $setting "secret" (printf "%s-inline" $.fullname) "key" $setting) -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/* What the worker's container and that of `helm test` have in common. */}}
{{- define "personalize-worker.container" -}}
{{- $secrets := include "personalize-worker.secrets" . | fromJsonArray -}}
image: {{ include "personalize-worker.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- if or $secrets .Values.env }}
env:
  {{- range $secrets }}
  - name: WORKER_{{ .setting }}_FILE
    value: /run/secrets/personalize-worker/{{ .setting }}
  {{- end }}
  {{- with .Values.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- with .Values.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  - name: config
    mountPath: /etc/personalize-worker
    readOnly: true
  - name: tmp
    mountPath: /tmp
  {{- if $secrets }}
  - name: secrets
    mountPath: /run/secrets/personalize-worker
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* What both pods have in common: who they are, where they run, what they see. */}}
{{- define "personalize-worker.pod" -}}
{{- $secrets := include "personalize-worker.secrets" . | fromJsonArray -}}
serviceAccountName: {{ include "personalize-worker.serviceAccount" . }}
# The worker never calls the API server. A role's token is in another volume, which AWS's webhook adds.
automountServiceAccountToken: false
# Service links add one variable per service of the namespace, and the worker reads variables as settings.
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- range $key := list "priorityClassName" "runtimeClassName" "schedulerName" "dnsPolicy" }}
{{- with get $.Values $key }}
{{ $key }}: {{ . }}
{{- end }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
volumes:
  - name: config
    configMap:
      name: {{ .fullname }}
  - name: tmp
    emptyDir:
      sizeLimit: 64Mi
  {{- if $secrets }}
  - name: secrets
    projected:
      defaultMode: 0440
      sources:
        {{- range $secrets }}
        - secret:
            name: {{ .secret }}
            items:
              - key: {{ .key }}
                path: {{ .setting }}
        {{- end }}
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- range $key := list "hostAliases" "dnsConfig" "nodeSelector" "tolerations" "affinity" }}
{{- with get $.Values $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "personalize-worker.spread" -}}
{{- range .Values.topologySpreadConstraints }}
- {{ toYaml . | nindent 2 | trim }}
  {{- if not .labelSelector }}
  labelSelector:
    matchLabels:
      {{- include "personalize-worker.selector" $ | nindent 6 }}
  {{- end }}
{{- end }}
{{- end -}}
