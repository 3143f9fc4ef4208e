"""settings.yaml: every mistake at once, with its place and a suggestion; defaults as the contract has them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from listserv.settings import SettingsError, load, parse
from tests.conftest import community


def problems(data: Any) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        parse(data, base=Path("/srv"))
    return dict(caught.value.problems)


def changed(path: str, value: Any) -> dict[str, Any]:
    """The small community with one value put somewhere."""
    data = community()
    *way, last = path.split(".")
    place = data
    for name in way:
        place = place.setdefault(name, {})
    place[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("comunity", {}, "did you mean community?"),
        ("community.domian", "x", "did you mean domain?"),
        ("community.domain", "lists example", "is not a domain name"),
        ("community.url", "lists.example.org", "write it like https://"),
        ("community.contact", "nobody", "is not an email address"),
        ("community.contact", "perinatal-owner@lists.test", "an address of listserv itself"),
        ("community.timezone", "Australia/Sidney", "did you mean Australia/Sydney?"),
        ("community.credentials", "licence", "is not one of registration, none"),
        ("community.digest.time", 420, '"07:00"'),
        ("community.digest.time", "25:00", "is not a time of day"),
        ("intake.smtp", "8025", "host:port"),
        ("intake.max_size", "15 apples", "write it like 15MB"),
        ("intake.rate", "30", "write it like 30/10min"),
        ("intake.connections", "many", "is not a whole number"),
        ("intake.connections", 0, "greater than or equal to 1"),
        ("intake.tls", {"certificate": "a.pem"}, "is missing"),
        ("authentication.unverified", "confrim", "did you mean confirm?"),
        ("relay.tls", "starttls", "is not one of opportunistic, required, implicit, none"),
        ("relay.username", "lists", "name the environment variable"),
        ("database", "mysql://x", "is not a database of ours"),
        ("retention.posts", "5 apples", "write it like 30d, 8w or 5y, or forever"),
        ("retention.refusals", "0d", "is no time at all"),
        ("retention.refusals", 30, "is not a time to keep something"),
        ("retention.deliveries", "5d", "write 10d or more"),
        ("retention.backups", "forever", "has to end"),
        ("retention.notice", "5d", "did you mean notices?"),
        ("lists", {}, "at least one"),
        ("lists.perinatal.moderation", "newcomer", "did you mean newcomers?"),
        ("lists.perinatal.footer", "yes", "is not true or false"),
        ("lists.perinatal.approval_delay", 2, "is not a time span"),
        ("lists.perinatal.approval_delay", "2", "did you mean 2min?"),
        ("lists.Perinatal", {}, "lower-case letters"),
        ("lists.a..b", {}, "lower-case letters"),
        ("lists.perinatal-owner", {}, "must not end in -owner"),
        ("lists.community", {}, "has a meaning of its own"),
        ("lists.postmaster", {}, "has a meaning of its own"),
        ("lists." + "x" * 25, {}, "24 at most"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_fix(path: str, value: Any, words: str) -> None:
    data = community()
    if path == "lists.a..b":
        data["lists"]["a..b"] = value
    else:
        data = changed(path, value)
    found = problems(data)
    assert any(words in what for what in found.values()), found


def test_all_mistakes_are_reported_at_once() -> None:
    data = changed("community.timezone", "Mars/Base")
    data["relay"] = {"port": 0}
    data["lists"]["x-leave"] = {"posting": "all"}
    data["nonsense"] = 1
    assert set(problems(data)) == {
        "community.timezone",
        "relay.port",
        "lists.x-leave.posting",
        "lists.x-leave",
        "nonsense",
    }


def test_a_key_given_twice_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("community: {name: A, domain: d.test, contact: c@e.test}\nlists: {a: {}}\nlists: {b: {}}\n")
    with pytest.raises(SettingsError, match="given twice"):
        load(file)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "a: [", "just words", "\x00"])
def test_what_is_no_mapping_is_said_plainly(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError):
        load(file)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="listserv init"):
        load(tmp_path / "settings.yaml")


def test_only_a_name_is_needed_for_a_list_and_the_rest_is_as_the_contract_says() -> None:
    settings = parse(
        {"community": {"name": "C", "domain": "D.test", "contact": "c@e.test"}, "lists": {"perinatal": None}},
        base=Path("/srv"),
    )
    listed = settings.lists["perinatal"]
    assert (listed.title, listed.description, listed.posting) == ("perinatal", "", "subscribers")
    assert (listed.replies, listed.moderation, listed.screening) == ("list", "newcomers", "general")
    assert (listed.approval_delay, listed.footer, listed.subject_prefix) == (timedelta(minutes=2), False, None)
    assert settings.community.url == "https://d.test"
    assert settings.intake.max_size == 15_000_000
    assert settings.intake.rate is not None and settings.intake.rate.count == 30
    assert settings.authentication.unverified == "confirm"
    assert settings.relay.connections == 10 and settings.web is not None


def test_relative_paths_are_relative_to_the_file() -> None:
    data = community(
        intake={"lmtp": "unix:run/lmtp.sock", "tls": {"certificate": "c.pem", "key": "/k.pem"}},
        database="sqlite:///var/x.sqlite3",
    )
    data["community"]["terms"] = "templates/terms.md"
    settings = parse(data, base=Path("/srv"))
    assert settings.community.terms == Path("/srv/templates/terms.md")
    assert settings.secrets.key_file == Path("/srv/var/secret.key")
    assert settings.sqlite_path == Path("/srv/var/x.sqlite3")
    assert settings.intake.lmtp == "unix:/srv/run/lmtp.sock"
    assert settings.intake.tls is not None and settings.intake.tls.key == Path("/k.pem")


BOX = {"host": "imap.people.test", "username": "lists", "password_env": "IMAP_PASSWORD"}


@pytest.mark.parametrize(
    ("imap", "path", "words"),
    [
        ({**BOX, "hots": "x"}, "intake.imap.hots", "did you mean host?"),
        ({**BOX, "tls": "ssl"}, "intake.imap.tls", "implicit, starttls, none"),
        ({"host": "h", "username": "u"}, "intake.imap.password_env", "name the environment variable"),
        ({**BOX, "list": "perinatl"}, "intake.imap.list", "did you mean perinatal?"),
        ({**BOX, "poll": "2h"}, "intake.imap.poll", "between 1s and 28min"),
        ({**BOX, "recipients": ["Delivered To"]}, "intake.imap.recipients.0", "write it like delivered-to"),
        ({**BOX, "recipients": []}, "intake.imap.recipients", "at least 1"),
        ({**BOX, "auth": "xoauth2"}, "intake.imap.auth", "oauth2 or token_command"),
        ({**BOX, "oauth2": {"token_url": "http://a.test/", "client_id": "c"}}, "intake.imap.oauth2.token_url", "https"),
        ([BOX, {**BOX, "folder": "INBOX"}], "intake.imap.1", "is there twice"),
        ([BOX, {**BOX, "foldr": "x"}], "intake.imap.1.foldr", "did you mean folder?"),
        (7, "intake.imap", "is not a list"),
    ],
)
def test_a_mistake_in_a_mailbox_is_named_with_its_place(imap: Any, path: str, words: str) -> None:
    found = problems(community(intake={"imap": imap}))
    assert path in found and words in found[path], found


def test_a_mailbox_may_be_one_or_several_and_its_port_follows_tls() -> None:
    assert parse(community(intake={"imap": None}), base=Path("/srv")).intake.imap == ()
    (one,) = parse(community(intake={"imap": BOX}), base=Path("/srv")).intake.imap
    assert (one.port, one.tls, one.folder, one.list) == (993, "implicit", "INBOX", None)
    assert one.recipients[0] == "delivered-to"
    several = [{**BOX, "tls": "starttls"}, {**BOX, "folder": "News", "list": "news", "recipients": ["X-Delivered-To"]}]
    two = parse(community(intake={"imap": several}), base=Path("/srv")).intake.imap
    assert [one.port for one in two] == [143, 993] and two[1].recipients == ("x-delivered-to",)


def test_professions_of_a_file_of_their_own(tmp_path: Path) -> None:
    example = Path(__file__).parent.parent / "docs" / "examples" / "professions-australia.yaml"
    (tmp_path / "professions.yaml").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    settings = parse(community(professions="professions.yaml"), base=tmp_path)
    assert len([one for one in settings.professions.values() if one.number]) == 16
    found = settings.profession("psychologist")
    assert found is not None and found.fits("PSY0001234567") and not found.fits("MED0001234567")
    assert found.renewal == (11, 30) and (found.late, found.read_only) == (31, 30)
    nurse = settings.profession("", "NMW0001234567")
    assert nurse is None, "a prefix that two professions share says too little"
    doctor = settings.profession("", "MED0001234567")
    assert doctor is not None and doctor.title == "Medical practitioner"
    with pytest.raises(SettingsError, match=r"professions: .* cannot be read"):
        parse(community(professions="nowhere.yaml"), base=tmp_path)
