{{/* A rule of files/alerts.yaml as JSON, with this worker's selector, links and labels, and what is set of its own. */}}
{{- define "personalize-worker.rule" -}}
{{- $values := .worker.Values.prometheusRule -}}
{{- $rule := deepCopy .rule -}}
{{- $expr := toString $rule.expr | replace "__SELECTOR__" (include "personalize-worker.metrics.selector" .worker) -}}
{{- $_ := set $rule "expr" ($expr | replace "__QUOTA__" (include "personalize-worker.quota.selector" (dict "root" .root "worker" .worker))) -}}
{{- range $key, $text := default dict $rule.annotations -}}
{{- $_ := set $rule.annotations $key (toString $text | replace "__RUNBOOKS__" (trimSuffix "/" $values.runbookUrl)) -}}
{{- end -}}
{{- $labels := merge (dict) (default dict .own.labels) (ternary $values.ruleLabels dict (hasKey $rule "alert")) (default dict $rule.labels) -}}
{{- if $labels -}}{{- $_ := set $rule "labels" $labels -}}{{- end -}}
{{- with .own.for -}}{{- $_ := set $rule "for" . -}}{{- end -}}
{{- toJson $rule -}}
{{- end -}}

{{/* The workers of the release that send to the same tracker, and so share the quota of its dataset group. */}}
{{- define "personalize-worker.quota.selector" -}}
{{- $own := .worker -}}
{{- $tracker := dig "personalize" "tracking_id" "" $own.Values.config -}}
{{- $jobs := list -}}
{{- range $name := include "personalize-worker.workerNames" .root | fromJsonArray -}}
{{- with include "personalize-worker.worker" (dict "root" $.root "name" $name) | fromJson -}}
{{- if and $tracker (eq $tracker (dig "personalize" "tracking_id" "" .Values.config)) -}}
{{- $jobs = append $jobs (printf "%s/%s" .Release.Name (include "personalize-worker.component" .)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $own.Values.prometheusRule.quotaSelector -}}
{{- $own.Values.prometheusRule.quotaSelector -}}
{{- else if or $own.Values.prometheusRule.selector (lt (len $jobs) 2) -}}
{{- include "personalize-worker.metrics.selector" $own -}}
{{- else -}}
{{- printf "job=~%q,namespace=%q" (join "|" $jobs) $own.Release.Namespace -}}
{{- end -}}
{{- end -}}
