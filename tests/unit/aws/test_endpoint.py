from __future__ import annotations

import os
import ssl
import traceback
from typing import TYPE_CHECKING

import pytest
from botocore.httpsession import get_cert_path

from worker.aws import endpoint
from worker.aws.endpoint import UnusableSettings, require_encryption, tls_context
from worker.aws.services import DYNAMODB, KINESIS, PERSONALIZE_EVENTS, Service, Wanted

if TYPE_CHECKING:
    from pathlib import Path

    from worker.aws.endpoint import ServiceEndpoint

pytestmark = pytest.mark.slow


def resolve(
    region: str | None, endpoint_url: str | None, service: Service = PERSONALIZE_EVENTS
) -> ServiceEndpoint:
    return endpoint.resolve(Wanted(service, region, endpoint_url))


def test_the_service_model_says_how_it_is_called() -> None:
    service = resolve("eu-west-1", None)
    assert (service.method, service.url) == (
        "POST",
        "https://personalize-events.eu-west-1.amazonaws.com/events",
    )
    assert (service.content_type, service.signing_name) == ("application/json", "personalize")
    assert (service.host, service.signed_path) == ("personalize-events.eu-west-1.amazonaws.com", "/events")
    assert service.region_warning is None


@pytest.mark.parametrize(
    ("wanted", "host", "content_type"),
    [
        (KINESIS, "kinesis.eu-west-1.amazonaws.com", "application/x-amz-json-1.1"),
        (DYNAMODB, "dynamodb.eu-west-1.amazonaws.com", "application/x-amz-json-1.0"),
    ],
)
def test_services_of_the_json_protocol_have_one_address_for_all_calls(
    wanted: Service, host: str, content_type: str
) -> None:
    service = resolve("eu-west-1", None, wanted)
    assert (service.method, service.url, service.host) == ("POST", f"https://{host}/", host)
    assert (service.content_type, service.signing_name) == (content_type, wanted.name)
    assert (service.signed_path, service.region_warning) == ("/", None)


@pytest.mark.parametrize(
    ("wanted", "variable"),
    [(KINESIS, "AWS_ENDPOINT_URL_KINESIS"), (DYNAMODB, "AWS_ENDPOINT_URL_DYNAMODB")],
)
def test_each_service_has_its_own_endpoint_setting_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, wanted: Service, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:98")
    assert resolve("eu-west-1", None, wanted).url == "http://127.0.0.1:98/"
    assert "amazonaws" in resolve("eu-west-1", None, PERSONALIZE_EVENTS).url


@pytest.mark.parametrize("wanted", [KINESIS, DYNAMODB])
def test_what_is_wrong_is_told_in_the_words_of_the_service(
    monkeypatch: pytest.MonkeyPatch, wanted: Service
) -> None:
    with pytest.raises(UnusableSettings, match=f"nearest with {wanted.title}: .*eu-west-1"):
        resolve("eu-wst1", None, wanted)
    with pytest.raises(UnusableSettings, match=wanted.region_key):
        resolve(None, None, wanted)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://me:secret@127.0.0.1:1")
    with pytest.raises(UnusableSettings, match=wanted.endpoint_key):
        resolve("eu-west-1", None, wanted)


@pytest.mark.parametrize(
    ("name", "value", "url"),
    [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:99/base", "http://127.0.0.1:99/base/events"),
        ("AWS_ENDPOINT_URL_PERSONALIZE_EVENTS", "http://127.0.0.1:98", "http://127.0.0.1:98/events"),
        ("AWS_USE_FIPS_ENDPOINT", "true", "https://personalize-events-fips.us-east-1.amazonaws.com/events"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true", "https://personalize-events.us-east-1.api.aws/events"),
    ],
)
def test_endpoint_settings_of_the_environment_are_honoured(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, url: str
) -> None:
    monkeypatch.setenv(name, value)
    assert resolve("us-east-1", None).url == url


def test_the_configured_endpoint_comes_before_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:99")
    service = resolve("eu-west-1", "http://127.0.0.1:97/")
    assert (service.endpoint_url, service.url) == ("http://127.0.0.1:97/", "http://127.0.0.1:97/events")
    assert service.host == "127.0.0.1:97"


@pytest.mark.parametrize("region", ["euwest1", "EU-WEST-1", "mars-north-1"])
def test_a_region_that_no_partition_of_aws_can_have_is_unusable(region: str) -> None:
    with pytest.raises(UnusableSettings, match="is not an AWS region; nearest with Personalize: "):
        resolve(region, None)


def test_the_nearest_region_is_named() -> None:
    with pytest.raises(UnusableSettings, match="eu-west-1"):
        resolve("eu-wst1", None)


def test_without_a_region_the_sdks_own_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert resolve(None, None).region == "eu-central-1"


@pytest.mark.parametrize("endpoint_url", [None, "http://127.0.0.1:97"])
def test_no_region_at_all_is_unusable(endpoint_url: str | None) -> None:
    with pytest.raises(UnusableSettings, match=r"set personalize\.region"):
        resolve(None, endpoint_url)


@pytest.mark.parametrize("region", ["eu_west_1", "eu west 1"])
def test_what_botocore_refuses_is_unusable_even_with_an_endpoint(region: str) -> None:
    with pytest.raises(UnusableSettings, match=region):
        resolve(region, "http://127.0.0.1:97")


def test_a_region_that_may_be_new_is_only_warned_of() -> None:
    warning = resolve("eu-west-9", None).region_warning
    assert warning is not None
    assert "eu-west-1" in warning


def test_with_an_endpoint_of_ones_own_any_region_goes() -> None:
    assert resolve("somewhere", "http://127.0.0.1:97").region_warning is None


def test_an_endpoint_that_is_no_address_is_unusable() -> None:
    with pytest.raises(UnusableSettings, match="Invalid endpoint"):
        resolve("eu-west-1", "nonsense")


@pytest.mark.parametrize(
    "endpoint_url",
    [
        "https://me:secret@host.invalid",
        "https://secret@host.invalid",
        "https://host.invalid/?token=secret",
        "https://host.invalid/#secret",
        "ftp://me:secret@host.invalid",
        "https://me:secret@host.invalid:99999x",
        "https://host.invalid\x00secret",
    ],
)
def test_an_endpoint_with_more_than_an_address_is_unusable_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, endpoint_url: str
) -> None:
    """The configuration refuses it before; the SDK takes it from its environment or profile too."""
    monkeypatch.setattr("os.environ", {**os.environ, "AWS_ENDPOINT_URL": endpoint_url})
    for given in (None, endpoint_url):
        with pytest.raises(UnusableSettings, match="endpoint") as caught:
            resolve("eu-west-1", given)
        assert "secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("endpoint_url", "is_private"),
    [
        (None, True),
        ("https://vpce-1.personalize-events.eu-west-1.vpce.amazonaws.com", True),
        ("http://127.0.0.1:97", True),
        ("http://[::1]:97", True),
        ("http://localhost:97", True),
        ("http://personalize-events.eu-west-1.amazonaws.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://put-events:8080", False),
    ],
)
def test_a_readable_way_has_to_be_said_on_purpose(endpoint_url: str | None, *, is_private: bool) -> None:
    service = resolve("eu-west-1", endpoint_url)
    require_encryption(service, Wanted(PERSONALIZE_EVENTS, plain_http=True))
    if is_private:
        require_encryption(service, Wanted(PERSONALIZE_EVENTS))
    else:
        with pytest.raises(UnusableSettings, match=r"personalize\.plain_http"):
            require_encryption(service, Wanted(PERSONALIZE_EVENTS))


@pytest.mark.parametrize("value", ["127.0.0.1:3128", "http://127.0.0.1:3128"])
def test_the_proxy_is_the_environments(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    service = resolve("eu-west-1", None)
    assert (service.proxy_url, service.proxy_headers) == ("http://127.0.0.1:3128", {})


def test_a_proxys_login_becomes_a_header_and_leaves_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:p%40ss@127.0.0.1:3128")
    service = resolve("eu-west-1", None)
    assert service.proxy_url == "http://127.0.0.1:3128"
    assert service.proxy_headers == {"Proxy-Authorization": "Basic bWU6cEBzcw=="}


@pytest.mark.parametrize(
    ("value", "proxy_url"),
    [
        ("https://me:p@[::1]:3129/", "https://[::1]:3129"),
        ("//proxy.invalid:1", "http://proxy.invalid:1"),
        ("http://proxy.invalid", "http://proxy.invalid"),
    ],
)
def test_a_proxy_may_be_an_https_one_and_written_shortly(
    monkeypatch: pytest.MonkeyPatch, value: str, proxy_url: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    assert resolve("eu-west-1", None).proxy_url == proxy_url


def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    monkeypatch.setenv("NO_PROXY", ".amazonaws.com")
    assert resolve("eu-west-1", None).proxy_url is None


@pytest.mark.parametrize(
    "value",
    [
        "http://me:secret@127.0.0.1:port",
        "http://me:secret@127.0.0.1:99999",
        "http://me:secret@",
        "socks5://me:secret@127.0.0.1:1080",
        "me:secret@127.0.0.1:1/secret",
    ],
)
def test_a_proxy_that_is_no_http_address_is_unusable_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(UnusableSettings, match="HTTPS_PROXY") as caught:
        resolve("eu-west-1", None)
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_certificates_are_verified_and_by_default_those_of_botocore() -> None:
    context = tls_context(resolve("eu-west-1", None).ca_file)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.cert_store_stats()["x509_ca"] > 0


def test_the_ca_bundle_is_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name that boto3 knows; those of other programs make nobody trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", "elsewhere.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "elsewhere.pem")
    assert resolve("eu-west-1", None).ca_file == get_cert_path(verify=True)
    monkeypatch.setenv("AWS_CA_BUNDLE", "somewhere.pem")
    assert resolve("eu-west-1", None).ca_file == "somewhere.pem"


def test_a_ca_bundle_that_is_none_is_unusable(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("none")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(UnusableSettings, match="AWS_CA_BUNDLE"):
            tls_context(str(path))
