{{/*
What values.schema.json can't say: rules between keys, and patterns, each as a sentence. A list of all that is wrong with
one worker, as JSON.
*/}}
{{- define "personalize-worker.mistakes" -}}
{{- $all := list -}}
{{- range list "config" "secrets" "scaling" "pods" -}}
{{- $all = concat $all (include (printf "personalize-worker.mistakes.%s" .) $.worker | fromJsonArray) -}}
{{- end -}}
{{- range .rules -}}
{{- $all = concat $all (include "personalize-worker.mistakes.pattern" (dict "rule" . "config" $.worker.Values.config) | fromJsonArray) -}}
{{- end -}}
{{- $where := .worker.workerName | empty | ternary "" (printf "workers.%s: " .worker.workerName) -}}
{{- $said := list -}}
{{- range $all -}}{{- $said = append $said (printf "%s%s" $where .) -}}{{- end -}}
{{- toJson $said -}}
{{- end -}}

{{/* Text that does not look as it must; a list item by item. */}}
{{- define "personalize-worker.mistakes.pattern" -}}
{{- $words := splitList "." .rule.path -}}
{{- $value := dig (first $words) (last $words) nil .config -}}
{{- $said := list -}}
{{- range $index, $text := kindIs "slice" $value | ternary $value (list $value) -}}
{{- if kindIs "string" $text | and (not (regexMatch $.rule.pattern (toString $text))) -}}
{{- $at := kindIs "slice" $value | ternary (printf "[%d]" $index) "" -}}
{{- $said = append $said (printf "config.%s%s: %s" $.rule.path $at $.rule.must) -}}
{{- end -}}
{{- end -}}
{{- toJson $said -}}
{{- end -}}

{{/* In the configuration. */}}
{{- define "personalize-worker.mistakes.config" -}}
{{- $said := list -}}
{{- $config := .Values.config -}}
{{- $client := default dict (dig "kafka" "client" dict $config) -}}
{{- range list "sasl.password" "ssl.key.password" "ssl.keystore.password" "sasl.oauthbearer.client.secret" -}}
{{- if hasKey $client . -}}
{{- $setting := printf "KAFKA__CLIENT__%s" (replace "." "_" . | upper) -}}
{{- $said = append $said (printf "config.kafka.client.%s: a ConfigMap is no place for a secret; give it in secretFiles, as the setting %s" . $setting) -}}
{{- end -}}
{{- end -}}
{{- range list "password" "token" -}}
{{- if get (default dict $config.schema_registry) . -}}
{{- $said = append $said (printf "config.schema_registry.%s: a ConfigMap is no place for a secret; give it in secretFiles, as the setting SCHEMA_REGISTRY__%s" . (upper .)) -}}
{{- end -}}
{{- end -}}
{{- if has (dig "admin" "host" "" $config) (list "localhost" "127.0.0.1" "::1") -}}
{{- $said = append $said "config.admin.host: probes and Prometheus come from outside the pod; leave it out (all addresses, IPv4 and IPv6)" -}}
{{- end -}}
{{- $letters := dig "dead_letters" "topic" "" $config -}}
{{- if and $letters (has $letters (dig "kafka" "topics" list $config)) -}}
{{- $said = append $said (printf "config.dead_letters.topic: %s is read too (config.kafka.topics); the worker would read its own dead letters" $letters) -}}
{{- end -}}
{{- toJson $said -}}
{{- end -}}

{{/* In where the secrets come from. */}}
{{- define "personalize-worker.mistakes.secrets" -}}
{{- $said := list -}}
{{- $seen := dict -}}
{{- range .Values.env -}}
{{- $_ := set $seen (toString .name) "env" -}}
{{- end -}}
{{- range include "personalize-worker.secrets" . | fromJsonArray -}}
{{- if not (regexMatch "^[A-Z0-9]+(_[A-Z0-9]+)*(__[A-Z0-9]+(_[A-Z0-9]+)*)+$" .setting) -}}
{{- $said = append $said (printf "the secret setting %q: must be SECTION__KEY, such as KAFKA__CLIENT__SASL_PASSWORD" .setting) -}}
{{- end -}}
{{- $variable := printf "WORKER_%s" .setting -}}
{{- range list $variable (printf "%s_FILE" $variable) -}}
{{- if hasKey $seen . -}}
{{- $said = append $said (printf "%s is given twice, in %s and as a secret; keep one" $variable (get $seen .)) -}}
{{- end -}}
{{- $_ := set $seen . "another secret" -}}
{{- end -}}
{{- end -}}
{{- with .Values.externalSecret -}}
{{- if and .enabled (not .storeRef.name) -}}
{{- $said = append $said "externalSecret.storeRef.name: is missing; name the SecretStore or ClusterSecretStore" -}}
{{- end -}}
{{- if and .enabled (not .settings) -}}
{{- $said = append $said "externalSecret.settings: is empty, so there is nothing to fetch" -}}
{{- end -}}
{{- end -}}
{{- toJson $said -}}
{{- end -}}

{{/* In the number of pods, and what decides it. */}}
{{- define "personalize-worker.mistakes.scaling" -}}
{{- $said := list -}}
{{- $scaling := .Values.autoscaling -}}
{{- $budget := .Values.podDisruptionBudget -}}
{{- if and $scaling.keda.enabled $scaling.hpa.enabled -}}
{{- $said = append $said "autoscaling.keda and autoscaling.hpa are both enabled: KEDA makes an HPA itself, and two would pull in two directions; keep one" -}}
{{- end -}}
{{- if include "personalize-worker.isAutoscaled" . -}}
{{- if kindIs "invalid" $scaling.maxReplicas -}}
{{- $said = append $said "autoscaling.maxReplicas: is missing; set it to the number of partitions or shards, because a pod more than that gets none" -}}
{{- else if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
{{- $said = append $said (printf "autoscaling.minReplicas: %d is more than maxReplicas, %d" (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- end -}}
{{- if and (eq (int $scaling.minReplicas) 0) (or $scaling.hpa.enabled (eq $scaling.keda.trigger "prometheus")) -}}
{{- $said = append $said "autoscaling.minReplicas: 0 needs keda.trigger lag; the worker's own figure comes from its pods, and none would be left to ask for more" -}}
{{- end -}}
{{- end -}}
{{- if and $scaling.keda.enabled (eq $scaling.keda.trigger "prometheus") (not $scaling.keda.prometheus.serverAddress) -}}
{{- $said = append $said "autoscaling.keda.prometheus.serverAddress: is missing; KEDA asks Prometheus there, such as http://prometheus-operated.monitoring:9090" -}}
{{- end -}}
{{- $fewest := include "personalize-worker.isAutoscaled" . | empty | ternary .Values.replicas $scaling.minReplicas | int -}}
{{- if and $budget.enabled (not (kindIs "invalid" $budget.minAvailable)) -}}
{{- if or (eq (toString $budget.minAvailable) "100%") (and (not (kindIs "string" $budget.minAvailable)) (gt $fewest 0) (ge (int $budget.minAvailable) $fewest)) -}}
{{- $said = append $said (printf "podDisruptionBudget.minAvailable: %v of %d pods would block every drain of a node; use maxUnavailable: 1" $budget.minAvailable $fewest) -}}
{{- end -}}
{{- else if and $budget.enabled (has (toString $budget.maxUnavailable) (list "0" "0%")) -}}
{{- $said = append $said "podDisruptionBudget.maxUnavailable: 0 would block every drain of a node; use 1" -}}
{{- end -}}
{{- toJson $said -}}
{{- end -}}

{{/* In the pods. */}}
{{- define "personalize-worker.mistakes.pods" -}}
{{- $said := list -}}
{{- if and .workerName (not (regexMatch "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$" .workerName)) -}}
{{- $said = append $said "a worker's name must be 1 to 40 lower-case letters, digits and hyphens, because objects are named by it" -}}
{{- end -}}
{{- $needed := include "personalize-worker.neededGraceSeconds" . | int -}}
{{- if lt (include "personalize-worker.graceSeconds" . | int) $needed -}}
{{- $said = append $said (printf "terminationGracePeriodSeconds: %s is too short; config.shutdown.drain_seconds and 15 seconds to commit and leave need %d" (include "personalize-worker.graceSeconds" .) $needed) -}}
{{- end -}}
{{- with .Values.image.digest -}}
{{- if not (regexMatch "^sha256:[0-9a-f]{64}$" .) -}}
{{- $said = append $said "image.digest: must be sha256: and 64 hexadecimal digits" -}}
{{- end -}}
{{- end -}}
{{- if regexMatch "(@|:[^/]*$)" .Values.image.repository -}}
{{- $said = append $said "image.repository: must be without a tag and a digest; set image.tag or image.digest" -}}
{{- end -}}
{{- $limit := dig "limits" "memory" "" .Values.resources -}}
{{- $held := dig "limits" "max_unsettled_bytes" 134217728 .Values.config | int64 -}}
{{- $needed := add $held 121634816 -}}
{{- if $limit -}}
{{- if gt $needed (include "personalize-worker.bytes" $limit | int64) -}}
{{- $said = append $said (printf "resources.limits.memory: %v is too little; config.limits.max_unsettled_bytes, 16 MiB of prefetch and about 100 MiB for the worker need %dMi" $limit (div (add $needed 1048575) 1048576)) -}}
{{- end -}}
{{- end -}}
{{- $ids := list (dig "kafka" "client" "group.instance.id" "" .Values.config) -}}
{{- range .Values.env -}}
{{- if eq (toString .name) "WORKER_KAFKA__CLIENT__GROUP_INSTANCE_ID" -}}{{- $ids = append $ids (default "" .value) -}}{{- end -}}
{{- end -}}
{{- $most := include "personalize-worker.mostPods" . | int -}}
{{- range $ids -}}
{{- if and . (gt $most 1) (not (contains "{hostname}" .)) (not (contains "$(" .)) -}}
{{- $said = append $said (printf "config.kafka.client.group.instance.id: %q would be the same for all %d pods, which would fence each other: put {hostname} in it, for the pod's name" . $most) -}}
{{- end -}}
{{- end -}}
{{- toJson $said -}}
{{- end -}}

{{/* The bytes of a quantity of memory. */}}
{{- define "personalize-worker.bytes" -}}
{{- $text := toString . -}}
{{- $number := regexFind "^[0-9.]+" $text | float64 -}}
{{- $unit := regexReplaceAll "^[0-9.]+" $text "" -}}
{{- $units := dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- mulf $number (get $units $unit | default 1e15) | int64 -}}
{{- end -}}
