"""The end of a message: CR LF . CR LF and nothing else, however the packets are cut, and however big it is."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.errors import Reply
from listserv.intake import replies
from listserv.intake.data import Budget, Caps, Message, Reader, Reading, read_message
from tests.front_door import House, open_door

END = b"\r\n.\r\n"
SECOND = (
    b"MAIL FROM:<evil@people.example>\r\nRCPT TO:<list@lists.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nhi\r\n.\r\n"
)
NEWLINES = (b"\n", b"\r", b"\r\n", b"\r\r\n", b"\n\r", b"\r\n\r")
FALSE_ENDS = sorted(
    {before + b"." + after for before in NEWLINES for after in NEWLINES}
    | {b"\r\n.\x00\r\n", b"\n\n.\r\n", b"\n.\n\n", b"\r\r.\r\r\n", b"\x00\n.\r\n", b"\r\n.\n.\r\n"}
)
# These begin a new line properly, so the message does end there, but nothing after it may be taken for a command.
WITH_REAL_END = [end for end in FALSE_ENDS if END in end]
STRICTLY_FALSE = [end for end in FALSE_ENDS if END not in end]


def whole(data: bytes, step: int, caps: Caps, budget: Budget) -> tuple[Message, bytes, Reading]:
    """Reads one message that comes in pieces of `step` octets; also what is left in the reader, and how it went."""

    async def reading() -> tuple[Message, bytes, Reading]:
        reader = Reader(limit=100_000)

        async def feeding() -> None:
            for at in range(0, len(data), step):
                reader.feed_data(data[at : at + step])
                await asyncio.sleep(0)
            reader.feed_eof()

        state = Reading()
        feeder = asyncio.create_task(feeding())
        message = await read_message(reader, caps, budget, state)
        await feeder
        return message, await reader.read(), state

    return asyncio.run(reading())


def read(data: bytes, step: int = 1 << 20, size: int = 10_000, header: int = 10_000) -> tuple[Message, bytes]:
    return whole(data, step, Caps(size, header), Budget(1 << 20))[:2]


def test_the_list_of_variants_is_long_enough() -> None:
    assert len(STRICTLY_FALSE) >= 22
    assert WITH_REAL_END


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize("false_end", STRICTLY_FALSE, ids=repr)
def test_only_the_real_end_ends_a_message(false_end: bytes, step: int) -> None:
    message, rest = read(b"Subject: x\r\n\r\nhello" + false_end + SECOND + b"NOOP\r\n", step)
    if b"\x00" in false_end and false_end.startswith(b"\r\n"):
        assert b"smuggled" in message.data  # no bare newline: all of it is one message
    else:
        assert message.refusal is replies.BARE_NEWLINE
        assert message.must_close
    assert rest == b"NOOP\r\n"


@pytest.mark.parametrize("step", [1, 1000])
@pytest.mark.parametrize("false_end", FALSE_ENDS, ids=repr)
def test_no_variant_makes_two_messages(false_end: bytes, step: int) -> None:
    async def smuggling() -> None:
        async with open_door() as door, door.talk() as talk:
            await talk.up_to_data()
            raw = b"Subject: x\r\n\r\nhello" + false_end + SECOND + b"QUIT\r\n"
            for at in range(0, len(raw), step):
                await talk.send(raw[at : at + step])
            answers = (await talk.rest()).decode().splitlines()
            if false_end.startswith(END):  # an honest end; what follows is a command, or nonsense
                assert answers[0].startswith("250 ")
                assert len(door.house.taken) == (2 if false_end == END else 1)
            elif b"\x00" in false_end and false_end.startswith(b"\r\n"):  # all of it is one message with a NUL in it
                assert answers == ["250 2.0.0 Taken", "221 2.0.0 Bye"]
                assert len(door.house.taken) == 1
            else:
                assert len(answers) == 1
                assert answers[0].startswith("550 5.5.2 ")
                assert door.house.taken == []

    asyncio.run(smuggling())


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"...\r\n..a\r\n.\r\n", b"..\r\n.a\r\n"),
        (b".a\r\n.\r\n", b"a\r\n"),
        (b"a\r\n..\r\n.\r\n", b"a\r\n.\r\n"),
        (b"a.\r\nb\r\n.\r\n", b"a.\r\nb\r\n"),
        (b"\r\n..\r\n..\r\n.\r\n", b"\r\n.\r\n.\r\n"),
    ],
)
@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_exactly_one_dot_is_taken_away(sent: bytes, taken: bytes, step: int) -> None:
    message, rest = read(sent + b"QUIT\r\n", step)
    assert message == Message(taken)
    assert rest == b"QUIT\r\n"


@given(
    st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\r", b"").replace(b"\n", b""))), st.integers(1, 9)
)
def test_what_was_stuffed_comes_out_as_it_was(lines: list[bytes], step: int) -> None:
    original = b"".join(line + b"\r\n" for line in lines)
    stuffed = b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines)
    message, rest = read(stuffed + b".\r\nNOOP\r\n", step)
    assert message == Message(original)
    assert rest == b"NOOP\r\n"


@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b".\r\n"]), max_size=30), st.integers(1, 7))
def test_any_mix_of_newlines_and_dots_is_read_alike_in_all_packets(parts: list[bytes], step: int) -> None:
    sent = b"".join(parts) + b"\r\n.\r\n"
    assert read(sent, step) == read(sent)


@pytest.mark.parametrize("step", [1, 7, 500])
def test_what_is_too_big_is_read_on_and_not_kept(step: int) -> None:
    budget = Budget(1 << 20)
    message, rest, state = whole(b"a: b\r\n\r\n" + b"x" * 300 + b"\r\n.\r\nNOOP\r\n", step, Caps(100, 100), budget)
    assert message.refusal == Reply(552, "5.3.4", "The message is larger than the 100 octets that we take")
    assert not message.must_close
    assert (rest, state.taken, budget.used) == (b"NOOP\r\n", 0, 0)


def test_a_message_of_exactly_the_size_is_taken() -> None:
    data = b"a: b\r\n\r\n" + b"x" * 90 + b"\r\n"
    assert read(data + b".\r\n", size=len(data)) == (Message(data), b"")
    assert read(data + b".\r\n", size=len(data) - 1)[0].refusal is not None


def test_what_never_ends_is_given_up() -> None:
    message, _ = read(b"x" * 1000, 100, size=100)
    assert message.hopeless
    assert message.must_close
    assert message.refusal is not None
    assert message.refusal.code == 552


@pytest.mark.parametrize("step", [1, 11, 1000])
def test_the_header_has_a_limit_of_its_own(step: int) -> None:
    field = b"X: " + b"y" * 95 + b"\r\n"
    assert read(field + b"\r\n" + b"x" * 500 + END, step, header=len(field))[0].refusal is None
    for sent in (field * 2 + b"\r\nx" + END, field * 2 + b"."[:0] + b".\r\n"):
        refusal = read(sent, step, header=len(field))[0].refusal
        assert refusal is not None
        assert str(refusal).startswith("550 5.6.0 ")


def test_a_body_without_header_has_none() -> None:
    assert read(b"\r\n" + b"x" * 500 + END, header=10)[0].refusal is None


def test_a_small_message_finds_room_when_big_ones_have_filled_it() -> None:
    budget = Budget(400_000)
    assert budget.take(300_000, so_far=0)
    assert not budget.take(40_000, so_far=0)
    assert not budget.has(40_000)
    assert budget.take(4_000, so_far=0)
    assert budget.has(4_000)


def test_without_memory_the_peer_is_asked_to_come_again() -> None:
    message, rest, state = whole(b"a: b\r\n\r\nc\r\n.\r\nQUIT\r\n", 100, Caps(100, 100), Budget(5))
    assert message == Message(b"", replies.NO_MEMORY)
    assert (rest, state.taken) == (b"QUIT\r\n", 0)


def test_small_pieces_take_no_more_memory_than_they_count() -> None:
    async def reading() -> tuple[int, int]:
        reader, state = Reader(limit=100_000), Reading()
        task = asyncio.create_task(read_message(reader, Caps(1 << 20, 1 << 20), Budget(1 << 20), state))
        await asyncio.sleep(0)
        tracemalloc.start()
        try:
            while state.taken < 100_000:
                reader.feed_data(b"xy")
                await asyncio.sleep(0)
            used = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        reader.feed_data(END)
        assert (await task).data == b"xy" * (state.taken // 2 - 1) + b"\r\n"
        return used, state.taken

    used, taken = asyncio.run(reading())
    assert used < 2 * taken


def test_a_peer_that_leaves_in_the_middle_leaves_no_message() -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        read(b"a: b\r\n\r\nhello\r\n.")


def test_memory_is_given_back_whatever_became_of_the_message() -> None:
    async def messages() -> None:
        house = House()
        async with open_door(house) as door:
            for text in ("Subject: fine", "Subject: explode", "Subject: refuse"):
                async with door.talk() as talk:
                    await talk.up_to_data()
                    await talk.say(f"{text}\r\n\r\n{'x' * 50_000}\r\n.")
            async with door.talk() as talk:
                await talk.up_to_data()
                await talk.send(b"Subject: half\r\n\r\n" + b"x" * 50_000)
            while door.server.connections:
                await asyncio.sleep(0)
            assert door.server.bytes_in_flight == 0

    asyncio.run(messages())


def test_eight_bit_and_endless_lines_come_in_as_they_are() -> None:
    async def sending() -> None:
        async with open_door() as door, door.talk() as talk:
            await talk.up_to_data()
            data = b"Subject: \xff\x00\r\n\r\n" + b"\xe4" * 300_000 + b"\r\n"
            assert (await talk.say(data + b".")).startswith("250 2.0.0 ")
            assert door.house.taken[0].data == data

    asyncio.run(sending())
