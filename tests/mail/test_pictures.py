"""Pictures keep their pixels, their colours and how they are turned, and lose what tells of their maker."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from listserv.mail.pictures import without_metadata

SECRET = b"Jane Secret"
KINDS = ["JPEG", "PNG", "WEBP"]


def exif(turned: int) -> bytes:
    found = Image.Exif()
    found[0x0112] = turned
    found[0x010E] = SECRET.decode()
    found[0x8825] = {1: "S", 2: (33.0, 52.0, 10.0), 3: "E", 4: (151.0, 12.0, 30.0)}
    return found.tobytes()


def picture(kind: str, *, turned: int = 6, mode: str = "RGB", **more: object) -> bytes:
    image = Image.linear_gradient("L").resize((40, 30)).convert(mode)
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if kind == "PNG":
        info = PngInfo()
        info.add_text("Author", SECRET.decode())
        info.add_itxt("XML:com.adobe.xmp", SECRET.decode(), zip=False)
        more["pnginfo"] = info
    if kind == "JPEG":
        more |= {"comment": SECRET, "xmp": SECRET}
    if kind == "WEBP":
        more |= {"xmp": SECRET, "lossless": True}
    out = io.BytesIO()
    image.save(out, kind, exif=exif(turned), icc_profile=icc, **more)  # type: ignore[arg-type]
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("turned", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_pixels_colours_and_turn_stay_and_nothing_else(kind: str, turned: int) -> None:
    data = picture(kind, turned=turned)
    done = without_metadata(data)
    before, after = opened(data), opened(done)
    assert SECRET in data and SECRET not in done and len(done) < len(data)
    assert after.tobytes() == before.tobytes() and after.size == before.size
    assert after.info["icc_profile"] == before.info["icc_profile"]
    assert dict(after.getexif()) == ({0x0112: turned} if turned != 1 else {})
    assert not after.getexif().get_ifd(0x8825)
    assert without_metadata(done) == done


@pytest.mark.parametrize(
    ("kind", "more"),
    [("JPEG", {"progressive": True}), ("JPEG", {"mode": "CMYK"}), ("JPEG", {"mode": "L"}),
     ("JPEG", {"restart_marker_rows": 1}), ("PNG", {"mode": "P"}), ("PNG", {"mode": "RGBA"}),
     ("WEBP", {"mode": "RGBA"})],
)  # fmt: skip
def test_kinds_of_kinds(kind: str, more: dict[str, object]) -> None:
    data = picture(kind, **more)  # type: ignore[arg-type]
    done = without_metadata(data)
    assert SECRET not in done and opened(done).tobytes() == opened(data).tobytes()
    assert opened(done).convert("RGBA").tobytes() == opened(data).convert("RGBA").tobytes()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_moving_pictures_move_on(kind: str) -> None:
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "green", "blue")]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], exif=exif(1))
    done = without_metadata(out.getvalue())
    assert SECRET not in done and opened(done).n_frames == 3  # type: ignore[attr-defined]


def test_what_stands_behind_the_picture_goes() -> None:
    assert without_metadata(picture("JPEG") + SECRET).endswith(b"\xff\xd9")
    assert SECRET not in without_metadata(picture("PNG") + SECRET)
    jfxx = b"\xff\xe0" + struct.pack(">H", 2 + 5 + 11) + b"JFXX\0" + SECRET
    assert SECRET not in without_metadata(b"\xff\xd8" + jfxx + picture("JPEG")[2:])


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_is_cut_off_comes_back_as_it_is(kind: str) -> None:
    data = picture(kind)
    for size in (4, 13, 40, len(data) // 2, len(data) - 3):
        assert without_metadata(data[:size]) == data[:size]


@given(st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x30\0\0\0WEBP"]), st.binary(max_size=300))
def test_any_bytes(start: bytes, data: bytes) -> None:
    done = without_metadata(start + data)
    assert without_metadata(done) == done


@given(st.sampled_from(KINDS), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8))
def test_pictures_with_wrong_bytes(kind: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(_WHOLE[kind])
    for place, octet in changes:
        data[place % len(data)] = octet
    done = without_metadata(bytes(data))
    assert without_metadata(done) == done


_WHOLE = {kind: picture(kind) for kind in KINDS}


def test_other_files_are_left_alone() -> None:
    for data in (b"GIF89a" + SECRET, b"%PDF-", SECRET):
        assert without_metadata(data) is data
