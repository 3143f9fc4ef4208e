"""A picture without what it tells of its maker: place, camera, names, remarks, the small copy of an uncropped original.

Pure: segments are walked, the picture itself is never decoded. JPEG (ITU-T T.81 annex B, Exif 2.32), PNG (its third
edition) and WebP (RFC 9649); what cannot be walked to its end comes back as it is. How it is turned and its colours
stay. On lists that are screened for clients a post is stored like that (`screen.kept`); its author's signature does not
survive it, so that From is rewritten then.
"""

from __future__ import annotations

import struct
import zlib

from listserv.mail.message import Message, as_part, walk
from listserv.mail.transfer import Edit, apply_edits, base64_lines

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"hIST",
     b"pHYs", b"cICP", b"mDCV", b"cLLI", b"acTL", b"fcTL", b"fdAT")
)  # fmt: skip
_WEBP_KEPT = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"ICCP"))
KINDS = ("image/jpeg", "image/jpg", "image/pjpeg", "image/png", "image/webp")
_EXIF = b"Exif\0\0"
_ORIENTATION = 0x0112


def in_message(message: Message) -> bytes:
    """The message with each of its pictures like that; the same bytes when there is nothing to take. What is signed
    inside (multipart/signed) stays as it is."""
    edits: list[Edit] = []
    for node in walk(message):
        if not node.leaf or node.kind not in KINDS or node.encoding != "base64" or "multipart/signed" in node.within:
            continue
        data = as_part(node, message.body).decoded()
        new = without_metadata(data)
        if new != data:
            edits.append((node.start, node.end, base64_lines(new)))
    if not edits:
        return message.raw
    head = message.raw[: len(message.raw) - len(message.body)]
    return head + apply_edits(message.body, edits)


def without_metadata(data: bytes) -> bytes:
    """The picture with the same pixels; the same bytes when there is nothing to take, or it is none of the kinds."""
    try:
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if data.startswith(_PNG):
            return _png(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
    except (_Broken, struct.error):
        pass
    return data


class _Broken(Exception):
    """It ends before its end."""


def _jpeg(data: bytes) -> bytes:
    out, position, turned = [b"\xff\xd8"], 2, 1
    while True:
        if data[position : position + 1] != b"\xff":
            raise _Broken
        while data[position + 1 : position + 2] == b"\xff":  # fill bytes
            position += 1
        marker = data[position + 1] if position + 1 < len(data) else 0
        if marker == 0xD9:
            out.append(b"\xff\xd9")
            break
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            raise _Broken  # nothing that stands alone has a place here
        (size,) = struct.unpack_from(">H", data, position + 2)
        end = position + 2 + size
        if size < 2 or end > len(data):
            raise _Broken
        segment = data[position:end]
        if marker == 0xE1 and segment[4:10] == _EXIF:
            turned = _orientation(segment[10:]) or turned
        if _stays(marker, segment):
            out.append(segment)
        position = end
        if marker == 0xDA:
            position = _scan_end(data, end)
            out.append(data[end:position])
    if turned != 1:
        out.insert(_after_jfif(out), _turned(turned))
    return b"".join(out)  # what stands behind the end, such as a film, goes


def _stays(marker: int, segment: bytes) -> bool:
    """Of the application segments: JFIF without its small copy, ICC profiles, Adobe's note of the colours."""
    if marker == 0xFE:
        return False
    if not 0xE0 <= marker <= 0xEF:
        return True
    return (
        (marker == 0xE0 and segment[4:9] == b"JFIF\0" and len(segment) == 18)
        or (marker == 0xE2 and segment[4:16] == b"ICC_PROFILE\0")
        or (marker == 0xEE and segment[4:9] == b"Adobe")
    )


def _scan_end(data: bytes, position: int) -> int:
    """Where the next marker stands that is no part of the coded pixels."""
    while True:
        position = data.find(b"\xff", position)
        if position < 0 or position + 1 >= len(data):
            raise _Broken
        after = data[position + 1]
        if after != 0 and not 0xD0 <= after <= 0xD7 and after != 0xFF:
            return position
        position += 1 if after == 0xFF else 2


def _after_jfif(segments: list[bytes]) -> int:
    return 2 if len(segments) > 1 and segments[1][:2] == b"\xff\xe0" else 1


def _orientation(tiff: bytes) -> int:
    """How the picture is turned (1 to 8), 0 when it does not say."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 0
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    if start + 2 > len(tiff):
        return 0
    (count,) = struct.unpack_from(order + "H", tiff, start)
    for number in range(count):
        at = start + 2 + 12 * number
        if at + 12 > len(tiff):
            return 0
        tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, at)
        if tag == _ORIENTATION and kind == 3 and 1 <= value <= 8:
            return int(value)
    return 0


def _tiff(turned: int) -> bytes:
    return b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, _ORIENTATION, 3, 1, turned, 0, 0)


def _turned(turned: int) -> bytes:
    """An Exif segment that says nothing else."""
    body = _EXIF + _tiff(turned)
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _png(data: bytes) -> bytes:
    out, position = [_PNG], len(_PNG)
    while True:
        size, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + size
        if end > len(data):
            raise _Broken
        if kind in _PNG_KEPT:
            out.append(data[position:end])
        elif kind == b"eXIf" and (turned := _orientation(data[position + 8 : end - 4])) > 1:
            body = kind + _tiff(turned)
            out.append(struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)))
        if kind == b"IEND":
            return b"".join(out)
        position = end


def _webp(data: bytes) -> bytes:
    chunks: list[tuple[bytes, bytes]] = []
    (length,) = struct.unpack_from("<I", data, 4)
    until = 8 + length
    if until > len(data):
        raise _Broken
    position = 12
    while position < until:
        kind, size = struct.unpack_from("<4sI", data, position)
        end = position + 8 + size
        if end > until:
            raise _Broken
        body = data[position + 8 : end]
        if kind in _WEBP_KEPT:
            chunks.append((kind, body))
        elif kind == b"EXIF" and (turned := _orientation(body.removeprefix(_EXIF))) > 1:
            chunks.append((kind, _tiff(turned)))
        position = end + size % 2
    turned_too = any(kind == b"EXIF" for kind, _ in chunks)
    out = b"".join(
        kind + struct.pack("<I", len(body)) + _flagged(kind, body, exif=turned_too) + b"\0" * (len(body) % 2)
        for kind, body in chunks
    )
    return b"RIFF" + struct.pack("<I", len(out) + 4) + b"WEBP" + out


def _flagged(kind: bytes, body: bytes, *, exif: bool) -> bytes:
    """The extended header with its bits for Exif and XMP put right (RFC 9649 section 2.7.1)."""
    if kind != b"VP8X" or not body:
        return body
    return bytes([(body[0] & ~0x0C) | (0x08 if exif else 0)]) + body[1:]
