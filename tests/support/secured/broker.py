"""One broker with a listener for each way to log in, and who may come in by it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it does not say what it exports
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.support.java_kafka import JavaKafka, Secured, bring_jars
from tests.support.kafka_topics import NoKafka
from tests.support.secured.certificates import (
    PASSWORD,
    Authority,
    can_be_made,
    run,
    write_key_store,
    write_trust_store,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# A connection has to log in again so often: what is not valid any more does not last.
REAUTHENTICATION_MS: Final = 4000
_PACKAGE: Final = "org.apache.kafka.common.security"
_BEARER: Final = f"{_PACKAGE}.oauthbearer"

_PROPERTIES: Final = f"""
ssl.keystore.type=PKCS12
ssl.keystore.location={{folder}}/broker.p12
ssl.keystore.password={PASSWORD}
ssl.key.password={PASSWORD}
ssl.truststore.type=PKCS12
ssl.truststore.location={{folder}}/trusted.p12
ssl.truststore.password={PASSWORD}
listener.name.mtls.ssl.client.auth=required
listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.scram.scram-sha-512.sasl.jaas.config={_PACKAGE}.scram.ScramLoginModule required;
listener.name.scram.scram-sha-512.connections.max.reauth.ms={REAUTHENTICATION_MS}
listener.name.oidc.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.oidc.oauthbearer.sasl.jaas.config={_BEARER}.OAuthBearerLoginModule required;
listener.name.oidc.oauthbearer.sasl.server.callback.handler.class={_BEARER}.OAuthBearerValidatorCallbackHandler
listener.name.oidc.oauthbearer.connections.max.reauth.ms={REAUTHENTICATION_MS}
listener.name.oidc.sasl.oauthbearer.jwks.endpoint.url={{jwks}}
listener.name.oidc.sasl.oauthbearer.expected.audience=kafka
listener.name.oidc.sasl.oauthbearer.expected.issuer=tests
listener.name.msk.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.msk.oauthbearer.sasl.jaas.config={_BEARER}.OAuthBearerLoginModule required;
listener.name.msk.oauthbearer.sasl.server.callback.handler.class=MskTokens
listener.name.msk.oauthbearer.connections.max.reauth.ms={REAUTHENTICATION_MS}
"""


class SecuredKafka(JavaKafka):
    """The broker. Its plain listener is there too, for the tests themselves."""

    def __init__(self, jwks: str) -> None:
        """Make certificates, and start it.

        Args:
            jwks: the keys that sign tokens of OIDC, as JSON.
        """
        if not can_be_made():
            raise NoKafka("no openssl, keytool and javac on the path")
        self.pki = Path(tempfile.mkdtemp(prefix="kafka-secrets-"))
        (self.pki / "jwks.json").write_text(jwks)
        self.authority = Authority(self.pki, "first")
        self._serve(self.authority)
        self.trust([self.authority])
        url = (self.pki / "jwks.json").as_uri()
        try:
            super().__init__(secured=self._secured(url))
        except BaseException:
            shutil.rmtree(self.pki, ignore_errors=True)
            raise

    def _secured(self, url: str) -> Secured:
        libs = bring_jars()
        source = Path(__file__).with_name("MskTokens.java")
        run("javac", "-cp", f"{libs}/*", "-d", self.pki, source)
        return Secured(
            protocols={"MTLS": "SSL", "SCRAM": "SASL_SSL", "OIDC": "SASL_SSL", "MSK": "SASL_SSL"},
            properties=_PROPERTIES.format(folder=self.pki, jwks=url),
            formatting=("--add-scram", "SCRAM-SHA-512=[name=worker,password=first-password]"),
            classes=str(self.pki),
            java=(f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={url}",),
        )

    def listener(self, name: str) -> str:
        """Return the address of a listener."""
        return f"127.0.0.1:{self.brokers[0].secured_ports[name]}"

    def set_password(self, password: str) -> None:
        """Change the worker's; connections have to log in with it within some seconds."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion("worker", info, password.encode())
        for each in self.admin.alter_user_scram_credentials([change]).values():
            each.result(20)

    def trust(self, authorities: Sequence[Authority]) -> None:
        """Trust certificates of these, from the next start on."""
        write_trust_store(self.pki / "trusted.p12", authorities)

    def _serve(self, authority: Authority) -> None:
        write_key_store(self.pki / "broker.p12", *authority.sign("broker"))

    def move_to(self, authority: Authority, *, trusting: Sequence[Authority]) -> None:
        """Restart with another certificate, and trust these alone."""
        self.shut_down()
        self._serve(authority)
        self.trust(trusting)
        self.restart()

    def stop(self) -> None:
        """End it, and remove all."""
        super().stop()
        shutil.rmtree(self.pki, ignore_errors=True)
