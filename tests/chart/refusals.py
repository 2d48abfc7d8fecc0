"""Values that can't work, each with the line that ``helm template`` answers; the table of a page of the docs.

python -m tests.chart.refusals > docs/chart-refusals.md
"""

from __future__ import annotations

import sys
from typing import Final

from msgspec import Struct


class Refusal(Struct, frozen=True):
    """A broken value, as YAML on one line, and what is said to it."""

    kind: str
    values: str
    says: str


# Everything else that it takes, so that the one mistake is the only one.
_TWO: Final = "a: {config: {kafka: {topics: [a]}}}, b: {config: {kafka: {topics: [b]}}}"
SCALED: Final = "enabled: true, prometheus: {serverAddress: http://prometheus:9090}"

REFUSALS: Final = (
    Refusal("an unknown value", "replica: 3", "at '': additional properties 'replica' not allowed"),
    Refusal("text for a number", 'replicas: "3"', "at '/replicas': got string, want integer"),
    Refusal(
        "an unknown section",
        "config: {kafak: {topics: [a]}}",
        "at '/config': additional properties 'kafak' not allowed",
    ),
    Refusal(
        "an unknown key of the worker",
        "config: {kafka: {topic: a}}",
        "at '/config/kafka': additional properties 'topic' not allowed",
    ),
    Refusal(
        "text for a list",
        "config: {kafka: {topics: interactions}}",
        "at '/config/kafka/topics': got string, want array",
    ),
    Refusal(
        "a number for text",
        "config: {personalize: {tracking_id: 123}}",
        "at '/config/personalize/tracking_id': got number, want string",
    ),
    Refusal(
        "text that YAML reads as a number",
        "config: {kafka: {client: {client.id: 007}}}",
        "at '/config/kafka/client/client.id': got number, want string",
    ),
    Refusal(
        "a word that is none of the choices",
        "config: {log: {level: verbose}}",
        "at '/config/log/level': value must be one of 'debug', 'error', 'info', 'warning'",
    ),
    Refusal(
        "a number out of bounds",
        "config: {batching: {max_events: 50}}",
        "at '/config/batching/max_events': maximum: got 50, want 10",
    ),
    Refusal(
        "text for a duration",
        "config: {shutdown: {drain_seconds: 20s}}",
        "at '/config/shutdown/drain_seconds': got string, want number",
    ),
    Refusal(
        "in one of several workers",
        "workers: {clicks: {config: {log: {level: verbose}}}}",
        "at '/workers/clicks/config/log/level': value must be one of 'debug', 'error', 'info', 'warning'",
    ),
    Refusal(
        "a value of the release in a worker",
        "workers: {clicks: {podMonitor: {enabled: true}}}",
        "at '/workers/clicks': additional properties 'podMonitor' not allowed",
    ),
    Refusal(
        "a variable that is a number",
        "env: [{name: WORKER_ADMIN__PORT, value: 9090}]",
        "at '/env/0/value': got number, want string",
    ),
    Refusal(
        "a Secret without its key",
        "secretFiles: [{setting: KAFKA__CLIENT__SASL_PASSWORD, existingSecret: kafka}]",
        "at '/secretFiles/0': missing property 'key'",
    ),
    Refusal(
        "a misspelt pull policy",
        "image: {pullPolicy: always}",
        "at '/image/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'",
    ),
    Refusal(
        "a name that is none",
        "config: {kafka: {topics: [interactions, shop events]}}",
        "config.kafka.topics[1]: must be a topic's name (letters, digits, . _ -) "
        "or a pattern that starts with ^",
    ),
    Refusal(
        "a broker without its port",
        "config: {kafka: {bootstrap_servers: kafka-0}}",
        "config.kafka.bootstrap_servers: must be host:port, several separated by commas",
    ),
    Refusal(
        "a region that is none",
        "config: {personalize: {region: Ireland}}",
        "config.personalize.region: must be a region's name, such as eu-west-1",
    ),
    Refusal(
        "a password in the configuration",
        "config: {kafka: {client: {sasl.password: secret}}}",
        "config.kafka.client.sasl.password: a ConfigMap is no place for a secret; give it in secretFiles, "
        "as the setting KAFKA__CLIENT__SASL_PASSWORD",
    ),
    Refusal(
        "a token of the registry there",
        "config: {schema_registry: {token: secret}}",
        "config.schema_registry.token: a ConfigMap is no place for a secret; give it in secretFiles, "
        "as the setting SCHEMA_REGISTRY__TOKEN",
    ),
    Refusal(
        "a secret setting that is none",
        "inlineSecrets: {sasl.password: secret}",
        'the secret setting "sasl.password": must be SECTION__KEY, such as KAFKA__CLIENT__SASL_PASSWORD',
    ),
    Refusal(
        "a secret from two places",
        "{secretFiles: [{setting: KAFKA__CLIENT__SASL_PASSWORD, existingSecret: a, key: b}], "
        "env: [{name: WORKER_KAFKA__CLIENT__SASL_PASSWORD, value: c}]}",
        "WORKER_KAFKA__CLIENT__SASL_PASSWORD is given twice, in env and as a secret; keep one",
    ),
    Refusal(
        "external secrets without a store",
        "externalSecret: {enabled: true, settings: {KAFKA__CLIENT__SASL_PASSWORD: {key: kafka}}}",
        "externalSecret.storeRef.name: is missing; name the SecretStore or ClusterSecretStore",
    ),
    Refusal(
        "dead letters that are read",
        "config: {kafka: {topics: [a, b]}, dead_letters: {topic: b}}",
        "config.dead_letters.topic: b is read too (config.kafka.topics); "
        "the worker would read its own dead letters",
    ),
    Refusal(
        "an admin port that nobody reaches",
        "config: {admin: {host: 127.0.0.1}}",
        "config.admin.host: probes and Prometheus come from outside the pod; "
        "leave it out (all addresses, IPv4 and IPv6)",
    ),
    Refusal(
        "one static id for several pods",
        "config: {kafka: {client: {group.instance.id: worker}}}",
        'config.kafka.client.group.instance.id: "worker" would be the same for all 2 pods, '
        "which would fence each other: put {hostname} in it, for the pod's name",
    ),
    Refusal(
        "two workers in one group",
        f"workers: {{{_TWO}}}",
        "workers.b: config.kafka.group_id: personalize-worker is that of workers.a too; "
        "their pods would take one another's partitions, so give each its own",
    ),
    Refusal(
        "a worker's name that is none",
        "workers: {Clicks: {replicas: 1}}",
        "workers.Clicks: a worker's name must be 1 to 40 lower-case letters, digits and hyphens, "
        "because objects are named by it",
    ),
    Refusal(
        "both autoscalers",
        f"autoscaling: {{maxReplicas: 8, keda: {{{SCALED}}}, hpa: {{enabled: true}}}}",
        "autoscaling.keda and autoscaling.hpa are both enabled: KEDA makes an HPA itself, "
        "and two would pull in two directions; keep one",
    ),
    Refusal(
        "autoscaling without a bound",
        f"autoscaling: {{keda: {{{SCALED}}}}}",
        "autoscaling.maxReplicas: is missing; set it to the number of partitions or shards, "
        "because a pod more than that gets none",
    ),
    Refusal(
        "bounds the wrong way round",
        f"autoscaling: {{minReplicas: 9, maxReplicas: 8, keda: {{{SCALED}}}}}",
        "autoscaling.minReplicas: 9 is more than maxReplicas, 8",
    ),
    Refusal(
        "scaling to zero by a figure of the pods",
        f"autoscaling: {{minReplicas: 0, maxReplicas: 8, keda: {{{SCALED}}}}}",
        "autoscaling.minReplicas: 0 needs keda.trigger lag; the worker's own figure comes from its pods, "
        "and none would be left to ask for more",
    ),
    Refusal(
        "KEDA without a Prometheus",
        "autoscaling: {maxReplicas: 8, keda: {enabled: true}}",
        "autoscaling.keda.prometheus.serverAddress: is missing; KEDA asks Prometheus there, "
        "such as http://prometheus-operated.monitoring:9090",
    ),
    Refusal(
        "a trigger that is none",
        "autoscaling: {keda: {trigger: cpu}}",
        "at '/autoscaling/keda/trigger': value must be one of 'prometheus', 'lag'",
    ),
    Refusal(
        "a budget that blocks drains",
        "podDisruptionBudget: {minAvailable: 2}",
        "podDisruptionBudget.minAvailable: 2 of 2 pods would block every drain of a node; "
        "use maxUnavailable: 1",
    ),
    Refusal(
        "less grace than the drain needs",
        "terminationGracePeriodSeconds: 30",
        "terminationGracePeriodSeconds: 30 is too short; config.shutdown.drain_seconds and 15 seconds "
        "to commit and leave need 35",
    ),
    Refusal(
        "less memory than may be held",
        "config: {limits: {max_unsettled_bytes: 1073741824}}",
        "resources.limits.memory: 512Mi is too little; config.limits.max_unsettled_bytes, 16 MiB of prefetch "
        "and about 100 MiB for the worker need 1140Mi",
    ),
    Refusal(
        "a tag in the repository",
        "image: {repository: registry.example/worker:1}",
        "image.repository: must be without a tag and a digest; set image.tag or image.digest",
    ),
    Refusal(
        "a digest that is none",
        "image: {digest: latest}",
        "image.digest: must be sha256: and 64 hexadecimal digits",
    ),
    Refusal(
        "both monitors",
        "{podMonitor: {enabled: true}, serviceMonitor: {enabled: true}}",
        "podMonitor and serviceMonitor are both enabled: each pod would be scraped twice; keep one",
    ),
    Refusal(
        "an alert that is none",
        "prometheusRule: {rules: {Held: {enabled: false}}}",
        "prometheusRule.rules.Held: there is no such alert; there are ",
    ),
)

HEAD: Final = """\
# What the chart refuses

`helm template`, `helm install` and `helm upgrade` refuse values that can't work, all at once, before anything
is made. Each row is tried by a test. What a key or a kind of value can't be, the chart's
[schema](../helm/personalize-worker/values.schema.json) says, which has the worker's own in it. Text that does
not look as it must, and rules between keys, the chart says in the worker's words; `helm lint` does not show
these.

The mapping language is not checked here: `personalize-worker try` shows what a mapping does, `helm test` what
the worker says to its configuration, and a pod whose configuration is wrong ends at once with exit code 2 and
every mistake in its log.

| what is wrong | for example | what Helm says |
|---|---|---|
"""


def page() -> str:
    """The page."""
    rows = (
        f"| {each.kind} | `{each.values.replace('|', chr(92) + '|')}` | {each.says.strip()}"
        f"{' ...' if each.says.endswith(' ') else ''} |\n"
        for each in REFUSALS
    )
    return HEAD + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(page())
