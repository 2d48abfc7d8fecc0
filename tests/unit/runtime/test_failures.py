"""What ends the worker is told with the exit code of whoever has to act."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest
from confluent_kafka import KafkaError, KafkaException

from worker.runtime.failures import report_failure

MISCONFIGURED, FAILED = 2, 1


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        (KafkaError._INVALID_ARG, MISCONFIGURED),  # noqa: SLF001  librdkafka's own codes begin with an underscore
        (KafkaError._CONFLICT, MISCONFIGURED),  # noqa: SLF001  as above
        (KafkaError._UNSUPPORTED_FEATURE, MISCONFIGURED),  # noqa: SLF001  as above
        (KafkaError._TRANSPORT, FAILED),  # noqa: SLF001  as above
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, FAILED),
    ],
)
def test_settings_that_librdkafka_refuses_late_are_the_operators_to_fix(
    capsys: pytest.CaptureFixture[str], code: int, exit_code: int
) -> None:
    """And not a crash to be reported; whatever value it cites is left out."""
    error = KafkaException(KafkaError(code, 'bad "sasl.password": hunter2'))
    assert report_failure(error) == exit_code
    if exit_code == MISCONFIGURED:
        shown = capsys.readouterr().out
        assert "worker.misconfigured" in shown
        assert "sasl.password" in shown
        assert "hunter2" not in shown


def test_a_limit_of_threads_is_the_operators_to_raise(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Thread) -> None:
        # As the interpreter words it, in each of its versions.
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", refuse)
    with pytest.raises(RuntimeError) as caught:
        ThreadPoolExecutor(1).submit(int)
    assert report_failure(caught.value) == FAILED
    shown = capsys.readouterr().out
    assert "worker.failed" in shown
    assert "raise the limit of processes (pids)" in shown


def test_any_other_runtime_error_is_a_crash(capsys: pytest.CaptureFixture[str]) -> None:
    assert report_failure(RuntimeError("of ours")) == FAILED
    assert "worker.crashed" in capsys.readouterr().out
