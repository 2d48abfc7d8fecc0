"""The files under ``config/`` work, and say what the code says."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from worker.config import known_keys, read_settings, schema
from worker.settings import DeadLetterSettings, KafkaSettings, PersonalizeSettings, Settings

CONFIG = Path(__file__).parents[2] / "config"
CLOUD = ("msk-iam.yaml", "confluent-cloud.yaml", "scram.yaml", "strimzi-mtls.yaml", "oauthbearer-oidc.yaml")
EXAMPLES = ("minimal.yaml", "full.yaml", "kinesis.yaml", *CLOUD)


def mounted(example: Path, folder: Path, certificate: Path) -> dict[str, str]:
    """Mount what an example names: the secrets of its comments, and its certificates."""
    text, secret = example.read_text(), folder / "secret"
    secret.write_text("s3cret\n")
    variables = dict.fromkeys(re.findall(r"#\s+(WORKER_\w+_FILE)=/run/secrets/\S+", text), str(secret))
    names = re.findall(r"^    (ssl\.\w+\.location): /run/secrets/\S+", text, re.MULTILINE)
    locations = [f"WORKER_KAFKA__CLIENT__{name.upper().replace('.', '_')}" for name in names]
    return variables | dict.fromkeys(locations, str(certificate))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_can_be_used_as_it_stands(name: str, tmp_path: Path, certificate: Path) -> None:
    """A user begins with one of these."""
    settings = read_settings(CONFIG / name, mounted(CONFIG / name, tmp_path, certificate))
    read = settings.kafka.topics if settings.source == "kafka" else settings.kinesis.streams
    assert read == ("interactions",)


def test_the_full_example_names_every_key() -> None:
    """Whoever looks for a key finds it there."""
    tree = yaml.safe_load((CONFIG / "full.yaml").read_text())
    written = (
        f"{name}.{key}" if isinstance(keys, dict) else name
        for name, keys in tree.items()
        for key in (keys if isinstance(keys, dict) else [name])
    )
    assert tuple(written) == known_keys()


def test_the_full_example_says_the_defaults() -> None:
    """A default stands in one place; its copy for readers is held against it."""
    defaults = Settings(
        kafka=KafkaSettings(bootstrap_servers="127.0.0.1:9092", topics=("interactions",)),
        personalize=PersonalizeSettings(tracking_id="00000000-0000-0000-0000-000000000000"),
        dead_letters=DeadLetterSettings(topic="interactions.dead-letters"),
    )
    assert read_settings(CONFIG / "full.yaml", {}) == defaults


def test_the_schema_file_is_fresh() -> None:
    """``personalize-worker schema > config/schema.json`` was not forgotten."""
    assert (CONFIG / "schema.json").read_bytes() == schema()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_fulfils_the_schema(name: str) -> None:
    """An editor that is given the schema has nothing to say against it."""
    validator = jsonschema.Draft202012Validator(json.loads(schema()))
    validator.check_schema(validator.schema)
    validator.validate(yaml.safe_load((CONFIG / name).read_text()))


def test_the_schema_refuses_an_unknown_key() -> None:
    """A misspelt key is underlined in the editor already."""
    tree = yaml.safe_load((CONFIG / "minimal.yaml").read_text())
    tree["batching"] = {"linger": 1}
    with pytest.raises(jsonschema.ValidationError, match="linger"):
        jsonschema.validate(tree, json.loads(schema()))


def test_every_key_is_explained_in_the_schema() -> None:
    """The schema is the reference; a key without a word on it would be no use there."""
    definitions = json.loads(schema())["$defs"]
    unexplained = [
        f"{name}.{key}"
        for name, section in definitions.items()
        if name != "Settings"
        for key, value in section["properties"].items()
        if not value.get("description")
    ]
    assert not unexplained
