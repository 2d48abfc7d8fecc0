from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.aws.json_client import AwsFault
from worker.core.model.error_codes import CREDENTIAL_CODES
from worker.http.errors import TRANSPORT_CODES
from worker.sources.kinesis.errors import FaultKind, kind_of, stream_fault

THROTTLED, PASSING, HOLD = FaultKind.THROTTLED, FaultKind.PASSING, FaultKind.HOLD


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("ProvisionedThroughputExceededException", THROTTLED, "five reads and two MiB"),
        ("LimitExceededException", THROTTLED, ""),
        ("KMSThrottlingException", THROTTLED, "KMS"),
        ("ExpiredIteratorException", FaultKind.EXPIRED_ITERATOR, "from where reading had come"),
        ("InternalFailure", PASSING, ""),
        ("InternalFailureException", PASSING, ""),
        ("ServiceUnavailable", PASSING, ""),
        ("ResourceInUseException", PASSING, "being changed"),
        ("ExpiredNextTokenException", PASSING, "listed again"),
        ("AnswerTooLong", FaultKind.TOO_LONG, "fewer"),
        ("AccessDeniedException", HOLD, "kinesis:ListShards"),
        ("KMSAccessDeniedException", HOLD, "kms:Decrypt"),
        ("KMSDisabledException", HOLD, "enable the KMS key"),
        ("KMSInvalidStateException", HOLD, "KMS key"),
        ("KMSNotFoundException", HOLD, "KMS key"),
        ("KMSOptInRequired", HOLD, "enable Kinesis and KMS"),
        ("ResourceNotFoundException", HOLD, "no such stream"),
        ("ExpiredTokenException", HOLD, "correct the keys"),
        ("NoCredentials", HOLD, "give the pod a role"),
        ("InvalidArgumentException", FaultKind.MALFORMED, "of another shard or stream"),
        ("ValidationException", FaultKind.MALFORMED, ""),
    ],
)
def test_each_code_has_a_kind_and_words_of_its_own(code: str, kind: FaultKind, words: str) -> None:
    """The status says nothing: Kinesis answers nearly everything with a 400."""
    for status in (400, 500):
        fault = stream_fault(AwsFault(code=code, status=status))
        assert (fault.kind, fault.code, fault.status) == (kind, code, status)
        assert words in fault.advice
        assert fault.advice


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (0, PASSING),
        (301, HOLD),
        (400, FaultKind.MALFORMED),
        (403, HOLD),
        (404, HOLD),
        (408, PASSING),
        (429, THROTTLED),
        (500, PASSING),
        (503, PASSING),
        (204, PASSING),
    ],
)
def test_of_a_code_that_is_not_known_the_status_decides(status: int, kind: FaultKind) -> None:
    assert kind_of("NewException", status) is kind
    assert kind_of(f"Http{status}", status) is kind


@pytest.mark.parametrize("code", sorted(TRANSPORT_CODES))
def test_what_fails_on_the_way_passes_and_is_told_in_words_of_kinesis(code: str) -> None:
    fault = stream_fault(AwsFault(code=code))
    assert fault.kind is PASSING
    assert fault.advice
    assert "personalize." not in fault.advice


@pytest.mark.parametrize("code", sorted(CREDENTIAL_CODES))
def test_keys_that_are_refused_are_a_hold(code: str) -> None:
    assert kind_of(code, 400) is HOLD


@given(st.text(max_size=40), st.integers(0, 999))
def test_whatever_comes_has_a_kind_and_words(code: str, status: int) -> None:
    fault = stream_fault(AwsFault(code=code, status=status, retry_after_seconds=2.0))
    assert isinstance(fault.kind, FaultKind)
    assert fault.advice
    assert fault.retry_after_seconds == 2.0


@given(st.text(max_size=40), st.integers(0, 999))
def test_only_the_iterators_own_code_starts_a_reader_anew(code: str, status: int) -> None:
    """Anything else must not: whoever begins somewhere else loses records, or delivers them twice."""
    if code != "ExpiredIteratorException":
        assert kind_of(code, status) is not FaultKind.EXPIRED_ITERATOR


def test_the_message_is_not_repeated() -> None:
    said = "Value 'user-5' at 'partitionKey' failed"
    fault = stream_fault(AwsFault(code="InvalidArgumentException", message=said, status=400))
    assert "user-5" not in repr(fault)
