"""The text of a message as a piece of a page: what is shown, what is folded, what is searched."""

from __future__ import annotations

import re

import pytest

from listserv.mail.body import Body, render
from listserv.mail.message import parse
from tests.data.hostile import FILES_AT, PNG, attached, html, multipart, part, problems, whole, with_picture

INLINE = ("Content-ID: <pic>", "Content-Disposition: inline")


def rendered(raw: bytes, *, hide: bool = False) -> Body:
    body = render(parse(raw), files_at=FILES_AT, hide_addresses=hide)
    assert not problems(body.html)
    return body


def plain(text: str, *, kind: str = "text/plain; charset=utf-8", hide: bool = False) -> Body:
    return rendered(whole(part(kind, text)), hide=hide)


def visible(fragment: str) -> str:
    """What a reader sees without opening anything."""
    return re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<details.*?</details>", " ", fragment))


def test_plain_text_keeps_its_lines() -> None:
    assert plain("Hello\n\n  World & <all>\n").html == '<div class="text">Hello\n\n  World &amp; &lt;all&gt;</div>'


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("see https://x.test/a?b=1&c=2.", "https://x.test/a?b=1&amp;c=2"),
        ("(https://x.test/a)", "https://x.test/a"),
        ("https://x.test/a_(b), and", "https://x.test/a_(b)"),
        ("<https://x.test/a>", "https://x.test/a"),
        ("HTTP://x.test/a!", "HTTP://x.test/a"),
        ("www.example.org, say", "http://www.example.org"),
    ],
)
def test_addresses_of_the_web_are_links(text: str, href: str) -> None:
    assert f'<a href="{href}" rel="nofollow noopener noreferrer">' in plain(text).html


def test_what_stands_in_an_address_is_encoded() -> None:
    assert 'href="https://x.test/%7Ba%7D%25"' in plain("https://x.test/{a}%").html


@pytest.mark.parametrize(
    "text",
    ["http://host:port/", "http://a:b@x.test/", "ftp://x.test", "javascript:alert(1)", "http://", "mailto:a@x.test"],
)
def test_nothing_else_is_a_link(text: str) -> None:
    assert "<a" not in plain(text).html


def test_flowed_text_is_joined() -> None:
    assert "one two" in plain("one \ntwo\n", kind="text/plain; format=flowed").html
    assert "onetwo" in plain("one \ntwo\n", kind="text/plain; format=flowed; delsp=yes").html


def test_a_short_quotation_between_own_words_stays_open() -> None:
    body = plain("Hi\n\n> a\n> b\n\nYes.\n")
    assert "<details" not in body.html
    assert "<blockquote>" in body.html
    assert body.text.split() == ["Hi", "Yes."]


def test_a_long_quotation_is_folded_and_counted() -> None:
    body = plain("Hi\n\n" + "> a\n" * 23 + "\nYes.\n")
    assert "<summary>Quoted text, 23 lines</summary>" in body.html
    assert "Yes." in visible(body.html)


@pytest.mark.parametrize(
    "line",
    [
        "On Mon, 23 Nov 2026 at 09:00, Ann <a@x.test> wrote:",
        "Am 23.11.2026 um 09:00 schrieb Ann:",
        "Le 23/11/2026, Ann a écrit :",
    ],
)
def test_a_quotation_at_the_end_is_folded_with_the_line_above_it(line: str) -> None:
    body = plain(f"Fine with me.\n\n{line}\n> a\n> b\n")
    assert visible(body.html).split() == ["Fine", "with", "me."]
    assert body.text == "Fine with me."


def test_nested_quotations_are_nested_to_a_depth_of_six() -> None:
    found = plain("Hi\n" + "".join(">" * depth + f" {depth}\n" for depth in range(1, 12)) + "Bye\n").html
    assert found.count("<blockquote>") == 6


def test_what_is_not_quoted_is_never_hidden() -> None:
    body = plain("one\n> q\ntwo\n" + "> q\n" * 9 + "three\n> q\nfour\n")
    assert visible(body.html).split() == ["one", "q", "two", "three", "q", "four"]
    assert body.text.split() == ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    "begin",
    ["-----Original Message-----\nFrom: Ann\nSent: Monday\n", "From: Ann\nSent: Monday\nTo: Ben\nSubject: x\n",
     "________________________________\nVon: Ann\nGesendet: Montag\nAn: Ben\nBetreff: x\n"],
)  # fmt: skip
def test_an_earlier_message_is_folded_and_no_words_of_the_author(begin: str) -> None:
    body = plain(f"My words.\n\n{begin}\nTheir words.\n")
    assert "<summary>Earlier message</summary>" in body.html
    assert visible(body.html).split() == ["My", "words."]
    assert body.text == "My words."


def test_a_signature_is_dimmed_without_its_mark() -> None:
    body = plain("Hi\n-- \nAnn\nGardener\n")
    assert '<div class="sig">Ann\nGardener</div>' in body.html
    assert "-- " not in body.html
    assert body.text == "Hi"


def test_what_an_older_list_put_below_its_messages_is_no_word_of_the_author() -> None:
    footer = f"{'_' * 47}\nGardeners mailing list\nGardeners@old.test\nhttps://old.test/listinfo/gardeners\n"
    body = plain(f"Hi\n\n{footer}")
    assert '<div class="sig">Gardeners mailing list' in body.html
    assert body.text == "Hi"
    answer = plain(f"Yes.\n\n> Hi\n> there\n\n{footer}")
    assert visible(answer.html).split()[0] == "Yes." and "<details" in answer.html, "the end is quotation and footer"
    ruled = plain(f"One\n{'_' * 47}\nTwo\n")
    assert ruled.text == f"One\n{'_' * 47}\nTwo", "a rule alone ends nothing"


@pytest.mark.parametrize("line", ["Sent from my iPhone", "Get Outlook for iOS", "Von meinem iPhone gesendet"])
def test_what_a_device_adds_is_dimmed(line: str) -> None:
    body = plain(f"Yes.\n\n{line}\n\nOn Monday, 3 March 2025 at 10:00, Ann wrote:\n> One\n> Two\n")
    assert f'<div class="sig">{line}</div>' in body.html and body.text.strip() == "Yes."
    assert body.html.index("<details") < body.html.index("On Monday"), "the line above a quotation is folded with it"
    earlier = plain(f"Yes.\n\n{line}\n{'_' * 32}\nFrom: Ann\nSent: Monday\nTo: Ben\nSubject: x\n\nTheirs.\n")
    assert "<summary>Earlier message</summary>" in earlier.html and earlier.text.strip() == "Yes."


def test_great_gaps_are_closed() -> None:
    assert '<div class="text">One\n\n\nTwo</div>' in plain("One\n\n\n\n\n\nTwo\n").html


def test_a_patch_keeps_its_columns() -> None:
    patch = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n"
    assert '<div class="text mono">' in plain(patch).html
    assert "mono" not in plain("Dear all,\n\nwe meet on Monday.\nPlease bring the plans.\n\nAnn\n").html


def test_long_text_is_cut() -> None:
    body = plain("word " * 60_000)
    assert body.html.endswith('<p class="none">The rest of this message is too long to be shown here.</p>')
    assert len(body.text) <= 20_000


def test_addresses_can_be_hidden_everywhere() -> None:
    page = '<p title="ann@x.test">ann@x.test <a href="mailto:ann@x.test">ann@x.test</a></p>'
    for body in (
        plain("Write to ann@x.test or <ben@x.test>\n> ann@x.test\n", hide=True),
        rendered(html(page), hide=True),
    ):
        assert "x.test" not in body.html + body.text
        assert "ann@…" in body.html
        assert "ann@…" in body.text


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", whole(part("text/plain", " \n")), whole(part("text/html", "<p>&nbsp;</p>"))]
)
def test_a_message_without_text_says_so(raw: bytes) -> None:
    assert rendered(raw).html == '<p class="none">This message has no text.</p>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (part("application/ms-tnef", b"\x78\x9f\x3e\x22", 'Content-Disposition: attachment; filename="winmail.dat"'),
         "only Outlook can read"),
        (multipart(part("application/octet-stream", "x", 'Content-Disposition: attachment; filename="WINMAIL.DAT"')),
         "only Outlook can read"),
        (part("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", b"\x30\x80"), "is encrypted"),
        (multipart(part("application/pgp-encrypted", "Version: 1"), part("application/octet-stream", "-----BEGIN"),
                   kind="encrypted"), "is encrypted"),
    ],
)  # fmt: skip
def test_a_text_that_nobody_can_read_here_is_named(content: bytes, words: str) -> None:
    body = rendered(whole(content))
    assert words in body.html and "no text" not in body.html
    assert body.text == "" and len(body.files) == 1, "it can still be saved"


def alternative(text: str, page: str, *more: bytes) -> bytes:
    both = multipart(part("text/plain", text), part("text/html; charset=utf-8", page), kind="alternative")
    return whole(multipart(both, *more))


def test_of_alternatives_the_text_is_shown() -> None:
    assert "plain" in rendered(alternative("plain", "<p>rich</p>")).html
    assert "rich" in rendered(alternative(" \n", "<p>rich</p>")).html


def test_a_picture_in_the_page_makes_the_page_the_better_form() -> None:
    body = rendered(alternative("plain", '<img src="cid:pic">', part("image/png", PNG + bytes(20_000), *INLINE)))
    assert f'src="{FILES_AT}1.png"' in body.html
    assert ([file.file for file in body.shown], body.files) == (["1.png"], ())


def test_a_table_of_data_makes_the_page_the_better_form() -> None:
    assert "<th>" in rendered(alternative("plain", "<table><tr><th>a<td>b</table>")).html
    assert "plain" in rendered(alternative("plain", "<table><tr><td>b</table>")).html


def test_texts_one_after_the_other_are_all_shown() -> None:
    body = rendered(whole(multipart(part("text/plain", "first"), part("image/png", PNG), part("text/plain", "second"))))
    assert body.html.index("first") < body.html.index("second")
    assert [file.file for file in body.files] == ["1.png"]


def test_a_nested_message_is_a_file_and_no_text() -> None:
    nested = b"Content-Type: message/rfc822\r\n\r\n" + whole(part("text/plain", "inner"))
    body = rendered(whole(multipart(part("text/plain", "outer"), nested)))
    assert "inner" not in body.html + body.text
    assert [file.ending for file in body.files] == ["eml"]


def test_files_stand_below_and_not_in_the_text() -> None:
    body = rendered(attached("application/pdf", "%PDF", 'filename="plan.pdf"'))
    assert [file.name for file in body.files] == ["plan.pdf"]
    assert "plan.pdf" not in body.html


def test_html_keeps_its_sober_tags_only() -> None:
    page = (
        '<h1>T</h1><p lang="de" title="x" style="color:red" id="a" class="b" dir="rtl" data-x="y">a <b>b</b></p>'
        "<font>c</font>"
    )
    found = rendered(html(page)).html
    assert re.sub(r"<(/?)(?:p|div)[^>]*>", r"<\1p>", found) == "<p><p>T</p><p>a <b>b</b></p>c</p>"
    assert "<h1" not in found


def test_pictures_only_by_content_id() -> None:
    body = rendered(
        with_picture('<img src="cid:pic" width="9"><img src="https://x.test/a.png">', part("image/png", PNG, *INLINE))
    )
    assert body.html.count("<img") == 1
    assert f'src="{FILES_AT}1.png"' in body.html
    assert 'alt=""' in body.html
    assert 'loading="lazy"' in body.html


def test_a_quotation_in_html_is_folded_once() -> None:
    body = rendered(html("<p>mine</p><blockquote>a<blockquote>b</blockquote></blockquote><p>mine too</p>"))
    assert body.html.count("<details") == 1
    assert visible(body.html).split() == ["mine", "mine", "too"]
    assert body.text.split() == ["mine", "mine", "too"]


def test_a_link_that_names_another_host_shows_the_real_one() -> None:
    found = rendered(
        html('<a href="https://other.test/x">https://bank.test/</a> <a href="https://www.b.test/">b.test</a>')
    ).html
    assert found.count('<span class="real">[other.test]</span>') == 1
    assert found.count("real") == 1


@pytest.mark.parametrize(
    "page",
    [
        "<p>x<p>b<div>c</p>d", "<b><p>x</p></b>", "<a href='https://x.test'><div>x</div></a>", "<li>x</li>",
        "<ul>text<li>a</ul>", "<table>x<tr><td>a<td>b</table>", "<tr><td>x", "<span><div>x</div></span>",
        "<ul><br></ul>x", "<ul><ul><li>x</ul></ul>", "<dl><dd>x</dl>",
        "<p><table><tr><td>x</table></p>", "<h2><div>x</div></h2>",
        "<pre>\n\nx<p>y</p></pre>", "<blockquote><p>x</blockquote></p>", "<b><i>x</b>y</i>", "<td><blockquote>x",
        "<figure><figcaption>x</figure>", "<code><table><tr><td>x</table></code>",
    ],
)  # fmt: skip
def test_what_mail_programs_nest_is_mended(page: str) -> None:
    assert "x" in rendered(html(page)).html


REFLOWED = [
    ("I ask every family for a sleep diary, and one in three brings it back. What\ndo you use that people fill in?",
     "I ask every family for a sleep diary, and one in three brings it back. What do you use that people fill in?"),
    ("Dear all,\n\nI ask every family for a sleep diary.\nDo you?", None),
    ("These are the three things that helped in nearly all of the families here:\n- one line a day\n- a photograph",
     None),
    ("Roses are red, and they are so because somebody has painted them all red\n  violets are blue", None),
    ("See the guideline, which is quite long but worth every one of its many pages\nhttps://example.org/guideline",
     None),
    ("x" * 130 + "\nnext", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), REFLOWED)
def test_lines_that_a_program_broke_are_joined_and_no_others(text: str, expected: str | None) -> None:
    assert plain(text).html == f'<div class="text">{expected or text}</div>'.replace(
        "https://example.org/guideline",
        '<a href="https://example.org/guideline" rel="nofollow noopener noreferrer">https://example.org/guideline</a>',
    )
