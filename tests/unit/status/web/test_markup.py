from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from worker.status.web.markup import Markup, element, joined

ANY = st.text() | st.sampled_from(
    ["<script>alert(1)</script>", "</p>", '" onclick="x', "' x='", "&lt;", "<!--", "]]>", "\u202e", "\ud800"]
)


class Read(HTMLParser):
    """What a parser makes of it: the tags, and each one's text and attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self.attributes: dict[str, str | None] = {}
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= dict(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.tags.append(f"comment {data}")


@given(ANY)
def test_text_stays_text(text: str) -> None:
    read = Read(element("p", text))
    assert (read.tags, read.text) == (["p"], text)


@given(ANY, ANY)
def test_an_attribute_stays_one_value(text: str, other: str) -> None:
    read = Read(element("p", aria_label=text, title=other))
    assert read.tags == ["p"]
    assert read.attributes == {"aria-label": text, "title": other}


@given(st.recursive(ANY, lambda inner: st.lists(inner, max_size=3), max_leaves=8))
def test_however_deep_it_stands_only_our_elements_come_out(tree: object) -> None:
    def written(node: object) -> Markup:
        return element("div", *map(written, node)) if isinstance(node, list) else element("p", str(node))

    assert set(Read(written(tree)).tags) <= {"div", "p"}


def test_classes_follow_the_name_and_what_is_none_is_left_out() -> None:
    assert element("td.number.wide", None, "1", title=None) == '<td class="number wide">1</td>'


def test_markup_is_written_as_it_is_and_once() -> None:
    assert element("p", element("b", "<")) == "<p><b>&lt;</b></p>"
    assert joined("<", element("b")) == "&lt;<b></b>"


def test_what_is_made_of_markup_by_other_means_is_text_again() -> None:
    """``+`` and ``format`` give a plain ``str``: nobody can make markup of a name by accident."""
    assert element("p", element("b") + "<i>") == "<p>&lt;b&gt;&lt;/b&gt;&lt;i&gt;</p>"


def test_an_element_without_content_has_no_end() -> None:
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'
