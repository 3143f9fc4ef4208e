"""A mail without one person in it: what is found, what goes, and that everything else is as it was."""

from __future__ import annotations

import base64
import random
from email import message_from_bytes, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listserv.mail import anonymous
from listserv.mail.identity import Identity, identity
from listserv.mail.message import parse
from listserv.mail.names import spoken_names
from listserv.mail.text import readable
from listserv.mail.threads import erased_id, links_of, tag_of

ANN = identity(["Dr Ann Mary O'Archer"], ["ann@clinic.test", "Ann.Archer@home.test"], ["PSY0001"])
SHOWN = ("former member", "former-x@erased.invalid")


def mail(body: str, *, head: str = "", kind: str = "text/plain; charset=utf-8") -> bytes:
    text = (
        "From: Dr Ann O'Archer <ann@clinic.test>\nTo: l@lists.test\nSubject: A case\nMessage-ID: <1@clinic.test>\n"
        f"{head}MIME-Version: 1.0\nContent-Type: {kind}\n\n{body}"
    )
    return text.replace("\n", "\r\n").encode()


def of_author(raw: bytes, who: Identity = ANN) -> bytes:
    return anonymous.of_author(raw, who, SHOWN, "<own@erased.invalid>")


@pytest.mark.parametrize(
    "text",
    [
        "Dr Ann Mary O'Archer", "ann mary o’archer", "O'ARCHER, Ann", "O'Archer, Ann Mary", "Ann\nO'Archer",
        "Ann&nbsp;O&#39;Archer", "<b>Ann</b> O'Archer", "> Ann\n> O'Archer", "ann_o'archer", "Ann.O'Archer",
        "ann@clinic.test", "<ANN@CLINIC.TEST>", "mailto:ann%40clinic.test", "bounce-ann=clinic.test@x",
        "ann+lists@clinic.test", "ann.archer@home.test", "number psy0001.", "Ann@clinic.test,",
    ],
)  # fmt: skip
def test_what_names_her_is_found_and_gone(text: str) -> None:
    if text.startswith("bounce-"):
        assert not ANN.finds(text), "another address, of another system"
        return
    assert ANN.finds(f"Before {text} after")
    left = ANN.removed(f"Before {text} after")
    assert not ANN.finds(left) and left.startswith("Before ") and left.endswith(" after")


@pytest.mark.parametrize(
    "text",
    ["Ann said so", "joann@clinic.test", "ann@clinic.test.au", "Joann O'Archer", "Ann O'Archerson", "PSY00012",
     "Mary had a little lamb", "ann@clinic.testing", "Ann and the O'Archers"],
)  # fmt: skip
def test_what_is_somebody_else_stays(text: str) -> None:
    assert not ANN.finds(text) and ANN.removed(text) == text


def test_names_of_one_word_are_looked_for_in_lines_of_their_own() -> None:
    who = identity(["Cher"], ["cher@x.test"], [])
    assert spoken_names("Cher") == () and not who.finds("As Cher says")
    assert who.signed_off("Cher") and who.signed_off("-- cher") and not who.signed_off("Cher and I")


def test_letters_of_any_alphabet() -> None:
    who = identity(["Zoë Ångström", "Ольга Иванова"], ["zoë@example.test"], [])
    for text in ("ZOË ÅNGSTRÖM", "Zoe\u0308 A\u030angstro\u0308m", "ОЛЬГА  ИВАНОВА", "zoë@example.test"):
        assert who.finds(text) and not who.finds(who.removed(text)), text


def test_her_post_has_no_header_but_what_its_place_needs() -> None:
    head = (
        "Date: Mon, 23 Nov 2026 18:00:00 +1100\nReply-To: ann@clinic.test\nSender: x@clinic.test\nX-Mailer: Ann 1.0\n"
        "Organization: Clinic\nDKIM-Signature: v=1; d=clinic.test\nReceived: from ann-pc\nX-Originating-IP: 1.2.3.4\n"
        "In-Reply-To: <0@else.test>\nReferences: <0@else.test>\nCc: Ben <ben@x.test>, Ann <ann@clinic.test>\n"
    )
    done = parse(of_author(mail("Words.\n", head=head)))
    assert [field.name.lower() for field in done.fields] == [
        b"from", b"message-id", b"to", b"subject", b"date", b"in-reply-to", b"references", b"cc", b"mime-version",
        b"content-type",
    ]  # fmt: skip
    assert b"ben@x.test" in done.raw and b"clinic" not in done.raw.lower() and done.body == b"Words.\r\n"


def test_her_words_stay_and_her_signature_goes() -> None:
    text = "Hello all,\n\nAnn here. What would you do?\n\nBest\nAnn\n-- \nAnn O'Archer\nPhone 0491\n"
    done = readable(parse(of_author(mail(text))))
    assert "Ann here. What would you do?" in done and "Phone" not in done and "Best\nformer member" in done


def test_a_post_that_says_nothing_of_her_keeps_its_bytes() -> None:
    body = "Grüße, ÄÖÜ. \nTrailing blanks  \n"
    assert of_author(mail(body)).endswith(body.replace("\n", "\r\n").encode())


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "utf-16"])
def test_encoded_texts_are_looked_through(encoding: str, charset: str) -> None:
    who = identity(["Zoë Ångström"], ["z@x.test"], [])
    data = "It is me, Zoë Ångström.\r\nJa!".encode(charset)
    if encoding == "base64":
        coded = base64.encodebytes(data).replace(b"\n", b"\r\n")
    else:
        coded = b"".join(f"={octet:02X}".encode() for octet in data)
    raw = mail("", head=f"Content-Transfer-Encoding: {encoding}\n", kind=f"text/plain; charset={charset}") + coded
    assert anonymous.names(raw, who)
    done = of_author(raw, who)
    assert readable(parse(done)).strip() == "It is me, former member.\nJa!" and not anonymous.names(done, who)


def parts(*of: str) -> bytes:
    return mail("".join(f"--b\n{one}\n" for one in of) + "--b--\n", kind='multipart/mixed; boundary="b"')


def test_files_go_but_for_texts_and_pictures_that_do_not_name_her() -> None:
    picture = base64.b64encode(b"\x89PNG just a graph").decode()
    named = base64.b64encode(b"\x89PNG tEXt Author Ann O'Archer").decode()
    wide = base64.b64encode("\x00Ann O'Archer".encode("utf-16-le")).decode()
    raw = parts(
        "Content-Type: text/plain\n\nSee below.",
        f"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n{picture}",
        f"Content-Type: image/png; name=cv.png\nContent-Transfer-Encoding: base64\n\n{named}",
        f"Content-Type: image/tiff\nContent-Transfer-Encoding: base64\n\n{wide}",
        'Content-Type: application/msword; name="Ann O\'Archer.doc"\n\nopaque',
        "Content-Type: text/csv; name=list.csv\n\na,b\nann@clinic.test,2",
        "Content-Type: text/vcard\n\nBEGIN:VCARD\nTEL:0491",
    )
    done = of_author(raw)
    seen = message_from_bytes(done, policy=policy.default)
    kinds = [part.get_content_type() for part in seen.iter_parts()]  # type: ignore[attr-defined]
    assert kinds == ["text/plain", "image/png", "text/plain", "text/plain", "text/plain", "text/csv", "text/plain"]
    assert done.count(anonymous.FILE_GONE.encode()) == 4 and picture.encode() in done
    assert b"[address removed],2" in done and not anonymous.names(done, ANN)


def test_signatures_of_keys_go() -> None:
    signed = mail(
        "--b\nContent-Type: text/plain\n\nWords.\n\n--b\nContent-Type: application/pgp-signature\n\nkey\n--b--\n",
        kind='multipart/signed; boundary="b"; protocol="application/pgp-signature"',
    )
    done = message_from_bytes(of_author(signed), policy=policy.default)
    assert done.get_content_type() == "multipart/mixed" and "key" not in done.as_string()
    inline = mail("Words.\n-----BEGIN PGP SIGNATURE-----\niQ\n-----END PGP SIGNATURE-----\n")
    assert b"iQ" not in of_author(inline) and b"Words." in of_author(inline)


def test_a_mail_that_she_passed_on_is_looked_through() -> None:
    inner = "From: Ann O'Archer <ann@clinic.test>\nTo: Ben <ben@x.test>\nSubject: To Ann O'Archer\n\nDear Ann O'Archer,"
    done = of_author(parts("Content-Type: text/plain\n\nSee.", f"Content-Type: message/rfc822\n\n{inner}"))
    assert not anonymous.names(done, ANN) and b"Ben <ben@x.test>" in done and b"Dear former member," in done


def test_what_cannot_be_read_any_more_leaves_its_place() -> None:
    raw = b"From: ann@clinic.test\r\n" + b"X: y\r\n" * 1100 + b"\r\nann@clinic.test"
    done = of_author(raw)
    assert not anonymous.names(done, ANN) and parse(done).fields[0].key == b"from"


def test_headers_of_others_lose_her_and_nothing_else() -> None:
    raw = (
        b"From: Ann O'Archer via Ben <ben@x.test>\r\nTo: l@lists.test, \"O'Archer, Ann\" <ANN@clinic.test>\r\n"
        b"Subject: Re: for Ann O'Archer\r\nX-Envelope-To: ann@clinic.test\r\nX-Other: kept\r\n"
        b"References: <0@else.test>\r\n <1@clinic.test>\r\nDate: today\r\n\r\nAnn O'Archer <ann@clinic.test> wrote:\r\n"
    )
    done = anonymous.beside(raw, ANN, {"<1@clinic.test>"})
    assert done is not None
    before, after = parse(raw), parse(done)
    assert after.body == before.body and b"X-Envelope-To" not in done and b"X-Other: kept\r\n" in done
    assert [field for field in after.fields if field.key in (b"from", b"subject", b"date")] == [
        field for field in before.fields if field.key in (b"from", b"subject", b"date")
    ]
    assert b"To: l@lists.test\r\n" in done
    assert links_of(after) == links_of(before), "the conversation is the same"
    assert anonymous.beside(done, ANN, {"<1@clinic.test>"}) is None


def test_ids_that_name_her_go_also_where_her_post_is_not_here() -> None:
    """As git writes them, and programs that put the address into every ID."""
    head = "References: <0@else.test> <20261123-1-ann@clinic.test>\nIn-Reply-To: <20261123-1-ann@clinic.test>\n"
    raw = mail("Words.\n", head=head)
    done = of_author(raw)
    assert b"Words." in done and not anonymous.names(done, ANN) and links_of(parse(done)) == links_of(parse(raw))
    other = raw.replace(b"From: Dr Ann O'Archer <ann@clinic.test>", b"From: ben@x.test")
    left = anonymous.beside(other.replace(b"<1@clinic.test>", b"<b@x.test>"), ANN)
    assert left is not None and links_of(parse(left)) == links_of(parse(raw)) and not anonymous.names(left, ANN)


def test_erased_ids_have_the_tags_of_those_that_were() -> None:
    identity_ = "<annarcher.1@clinic.test>"
    assert tag_of(erased_id(identity_)) == tag_of(identity_) and erased_id(erased_id(identity_)) == erased_id(identity_)
    assert "annarcher" not in erased_id(identity_)
    assert tag_of(erased_id(identity_), "salt") != tag_of(identity_), "two messages of one ID are told apart"
    assert tag_of("<not-a-tag@erased.invalid>") != "not-a-tag"


def test_our_own_mails_are_rewritten_in_both_forms() -> None:
    raw = mail(
        "--b\nContent-Type: text/plain; charset=utf-8\n\nBy Ann O'Archer: yes\n--b\n"
        "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
        "<p>By Ann O&#39;Archer: y=\n=65s</p>\n--b--\n",
        kind='multipart/alternative; boundary="b"',
    ).replace(b"From: Dr Ann O'Archer <ann@clinic.test>", b"From: List <l@lists.test>")
    done = anonymous.without(raw, ANN)
    assert not anonymous.names(done, ANN) and done.count(b"former member") == 2 and b"From: List" in done


_PIECES = st.lists(
    st.sampled_from(
        [b"Ann O'Archer", b"ann@clinic.test", b"--b", b"--b--", b"\r\n", b"\n", b"\r", b"Content-Type: text/plain",
         b"=41", b"Content-Type: multipart/mixed; boundary=b", b"Content-Transfer-Encoding: base64",
         b"=?utf-8?q?Ann_O=27Archer?=",
         b"Content-Transfer-Encoding: quoted-printable", b"Content-Type: message/rfc822", b"From: ", b"\xff\xfe", b"\0",
         b"Content-Type: text/html; charset=utf-7", b"-- ", b"\r\n\r\n", b"QW5uIE8nQXJjaGVy", b" ", b"Subject: "]
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(_PIECES)
def test_no_mail_is_too_broken(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    done = of_author(raw)
    assert parse(done).fields[0].key == b"from"
    assert not anonymous.names(done, ANN), (raw, done)
    anonymous.beside(raw, ANN, {"<1@clinic.test>"})
    anonymous.without(raw, ANN)


def test_it_is_fast_enough() -> None:
    """A million characters of letters and marks that begin like what is looked for."""
    import time

    chance = random.Random(1)
    text = "".join(
        chance.choice(["Ann ", "O'", "ann@", "clinic.", "\n> ", "<b>", "PSY", "a" * 50]) for _ in range(60_000)
    )
    begun = time.process_time()
    ANN.removed(text)
    assert time.process_time() - begun < 2
