"""Reading the dead-letter topic, whatever Kafka says."""

from __future__ import annotations

import pytest

from worker.replay.letter_topic import LettersUnreadable, LetterTopic

NOT_UTF_8 = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


class ConsumerTwin:
    """Its metadata holds a name that is not UTF-8, which is how the client tells."""

    def __init__(self, _: object) -> None:
        pass

    def list_topics(self, timeout: float) -> None:
        assert timeout > 0
        raise NOT_UTF_8


def test_metadata_that_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.replay.letter_topic.Consumer", ConsumerTwin)
    with pytest.raises(LettersUnreadable, match="dead-letter topic dead: what Kafka says"):
        LetterTopic({}, "dead").spans()
