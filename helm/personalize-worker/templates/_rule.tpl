{{/* A rule of files/alerts.yaml as JSON, with this release's selector, links and labels, and what is set of its own. */}}
{{- define "personalize-worker.rule" -}}
{{- $values := .root.Values.prometheusRule -}}
{{- $rule := deepCopy .rule -}}
{{- $_ := set $rule "expr" (toString $rule.expr | replace "__SELECTOR__" (include "personalize-worker.metrics.selector" .root)) -}}
{{- range $key, $text := default dict $rule.annotations -}}
{{- $_ := set $rule.annotations $key (toString $text | replace "__RUNBOOKS__" (trimSuffix "/" $values.runbookUrl)) -}}
{{- end -}}
{{- $labels := merge (dict) (default dict .own.labels) (ternary $values.ruleLabels dict (hasKey $rule "alert")) (default dict $rule.labels) -}}
{{- if $labels -}}{{- $_ := set $rule "labels" $labels -}}{{- end -}}
{{- with .own.for -}}{{- $_ := set $rule "for" . -}}{{- end -}}
{{- toJson $rule -}}
{{- end -}}
