"""Random mappings of the whole language, most of them valid, as strategies of hypothesis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMBERS = ("a", "b", "c", "items", "properties", "eventType", "sentAt", "sessionId", "userId", "itemId",
           "eventId", "impression")  # fmt: skip
IDS = ("event_type", "session_id", "user_id", "item_id", "event_id", "recommendation_id",
       "event_attribution_source")  # fmt: skip
JMESPATHS = ("a", "items[].a", "sum(items)", "items[?a > `1`].b | [0]", "join('-', [a, sessionId])",
             "sort_by(items, &a)[0].a", "{x: a, y: b.c}", "length(sessionId)")  # fmt: skip

members = st.sampled_from(MEMBERS)
steps = st.one_of(
    members.map(".{}".format),
    members.map(".{}".format),
    st.sampled_from(["[0]", "[1]", "[*]", "[a=1]", '[b="x"]', "[userId=true]", ".0"]),
)
constants = st.sampled_from(["view", "x", 7, "a b"])
scalars = st.sampled_from(["a", "1", 1, "-1", True, "view", 0.5, "x" * 300])


def paths(levels: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Paths where these levels are known."""
    begins = ["$key", "$key.a", "$headers.type", "$timestamp", "$topic", "$partition", "$offset"]
    of_elements = [f"${name}" for name in (*levels, *(["each"] if levels else []))]
    within = st.lists(steps, max_size=3).map("".join)
    lists: list[st.SearchStrategy[str]] = [
        st.builds("{}{}".format, members, within),
        st.builds("$record.{}{}".format, members, within),
        st.sampled_from([*begins, *(["$index"] if levels else [])]),
    ]
    if levels:
        lists += [st.builds("{}{}".format, st.sampled_from(of_elements), within)] * 3
    return st.one_of(*lists)


def sources(levels: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """Sources, or lists of them."""
    plain = paths(levels)
    one = st.one_of(
        plain,
        plain,
        st.fixed_dictionaries(
            {"join": st.lists(plain, min_size=1, max_size=3)}, optional={"separator": st.just(".")}
        ),
        st.sampled_from(JMESPATHS).map(lambda text: {"jmespath": text}),
    )
    return one | st.lists(one, min_size=1, max_size=3)


def fields(levels: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """What a mapping says of some of the fields; the required ones mostly have a fall-back that is there."""
    source = sources(levels)
    absent = st.lists(scalars, min_size=1, max_size=2)
    values = st.dictionaries(scalars.map(str), constants, min_size=1, max_size=3)
    an_id = source | st.fixed_dictionaries(
        {"path": source}, optional={"absent": absent, "values": values}
    ).flatmap(_with_otherwise)
    a_time = source | st.builds(lambda path: {"path": path, "unit": "milliseconds"}, source)
    an_object = st.dictionaries(st.sampled_from(["x", "y", "z"]), source, min_size=1, max_size=3)

    def falling_back(on: str) -> st.SearchStrategy[Any]:
        return source.map(lambda given: [*(given if isinstance(given, list) else [given]), on])

    return st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(IDS, an_id),
            "event_type": constants.map(lambda value: {"value": value}) | falling_back("eventType") | an_id,
            "session_id": falling_back("sessionId"),
            "sent_at": falling_back("$timestamp")
            | a_time
            | st.just({"path": ["a", "$timestamp"], "pattern": "%Y-%m-%d"}),
            "event_value": source,
            "impression": source | st.builds(lambda path: {"path": path, "split": "|"}, source),
            "properties": source
            | st.builds(lambda path: {"path": path, "too_long": "leave_out"}, source)
            | st.builds(lambda members: {"object": members, "too_long": "leave_out"}, an_object)
            | st.builds(lambda members: {"object": members}, an_object),
        },
    )


def _with_otherwise(field: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    words = st.sampled_from(["refuse", "keep", "drop"])
    return words.map(lambda word: {**field, "otherwise": word}) if "values" in field else st.just(dict(field))


def rules(levels: tuple[str, ...]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rules of a filter."""
    tests: st.SearchStrategy[dict[str, Any]] = st.one_of(
        st.builds(lambda op, operand: {op: operand}, st.sampled_from(["equals", "not_equals"]), scalars),
        st.builds(lambda op, operand: {op: [operand]}, st.sampled_from(["in", "not_in"]), scalars),
        st.builds(lambda operand: {"exists": operand}, st.booleans()),
        st.builds(
            lambda op, operand: {op: operand},
            st.sampled_from(["above", "below", "at_least", "at_most"]),
            st.integers(-5, 5) | st.floats(-5, 5),
        ),
        st.builds(lambda op: {op: "1"}, st.sampled_from(["contains", "starts_with"])),
    )
    return st.lists(
        st.builds(lambda path, test: {"path": path, **test}, sources(levels), tests), min_size=1, max_size=2
    )


LEVELS: dict[tuple[str, ...], Any] = {
    (): None,
    ("each",): "items",
    ("outer", "inner"): {"outer": "items", "inner": "$outer.items"},
    ("one", "two", "three"): {"one": "a", "two": "$one", "three": "$two.b"},
}
mappings = st.sampled_from(list(LEVELS)).flatmap(
    lambda levels: st.builds(
        lambda of_fields, directives: (
            {**of_fields, **directives, "each": LEVELS[levels]}
            | ({"user_id": f"${levels[-1]}.a"} if levels else {})
        ),
        fields(levels),
        st.just({})
        | st.fixed_dictionaries(
            {},
            optional={
                "unwrap": st.sampled_from(["a", ["properties", "a.b"], "$key"]),
                "keep": st.just([{"path": "sessionId", "exists": True}]) | rules(levels),
                "drop": rules(levels),
            },
        ),
    )
)
"""Mappings, which may be refused for what only their parts together make wrong."""
