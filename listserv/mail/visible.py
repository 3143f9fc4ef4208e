"""HTML as a person sees it, for reading what they answered: nothing hidden, and a mark where somebody is quoted.

A client that writes only HTML says with elements what others say with ">": blockquotes, containers by name, a rule
above a header block. They become marks in the text that `own_words.own_text` knows. What a person cannot see is
taken out first, so that no hidden word decides.
"""

from __future__ import annotations

import re
from typing import Any

MAX_HTML = 400_000
MAX_ELEMENTS = 20_000

_HIDING = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|font-size:(?:0+(?:\.0+)?|0*\.[0-4]\d*|1px)(?![.\d])|"
    r"opacity:0(?:\.0\d*)?(?![.\d])|mso-hide:all|(?<![-\w])(?:max-)?(?:height|width):0(?![.\d])|text-indent:-\d{3}|"
    r"(?<![-\w])(?:margin-)?(?:left|top):-\d{3}|clip:rect\(0|color:transparent"
)
_WHITE = re.compile(r"(?<![-\w])color:(?:#fff(?:fff)?(?![0-9a-f])|white|rgba?\(255,255,255)")
_DARK = re.compile(r"background(?:-color)?:(?!#fff|white|rgba?\(255,255,255|transparent|none|inherit)")
_RULE = re.compile(r"([^{}]{1,300})\{([^{}]{0,2000})\}")
_SELECTED = re.compile(r"[.#]([\w-]+)\s*(?=,|$)")
_BORDERED = re.compile(r"border-top(?:-style)?:[^;]{0,30}solid|border-top:solid")
_FROM_HERE = re.compile(r"divrplyfwdmsg|appendonsend|stopspelling|zwchr|mail-editor-reference-message-container")
_WHOLE = re.compile(
    r"yahoo_quoted|protonmail_quote|tutanota_quote|moz-(?:forward-container|email-headers-table|cite-prefix)|gmail_attr|"
    r"aolmsgpart|olk_src_body_section"
)
_SIGNED = re.compile(r"(?:^|[_ -])(?:signature|applemailsignature|protonmail_signature_block)")


def visible_text(html: str) -> str:
    """HTML as a person sees it, with ">" where somebody is quoted; "" when it cannot be read safely."""
    import html_text  # loads lxml, which few messages need

    cut = re.sub(r"\A\s*<\?xml[^<>]*\?>", "", html[:MAX_HTML])
    if not cut.strip() or cut.count("<") > MAX_ELEMENTS * 2:
        return ""
    try:
        tree = html_text.parse_html(cut)
        _cut_hidden(tree)
        _mark_quotes(tree)
        return str(html_text.extract_text(tree))
    except Exception:  # too deep, too broken: nothing is decided
        return ""


def _styled(element: Any) -> str:
    style = re.sub(r"\s+|!important", "", (element.get("style") or "")[:2000]).lower()
    colour = (element.get("color") or "").strip().lower()
    ground = (element.get("bgcolor") or "").strip().lower()
    return ";".join(filter(None, (style, colour and f"color:{colour}", ground and f"background:{ground}")))


def _hidden_names(tree: Any) -> set[str]:
    """Classes and ids that a style sheet of the message hides."""
    names: set[str] = set()
    for sheet in tree.iter("style"):
        for selector, rules in _RULE.findall((sheet.text or "")[:100_000]):
            rules = re.sub(r"\s+|!important", "", rules).lower()
            if _HIDING.search(rules) or (_WHITE.search(rules) and not _DARK.search(rules)):
                names.update(_SELECTED.findall(selector.strip()))
    return names


def _cut_hidden(tree: Any) -> None:
    """Takes out what a person does not see: hidden elements, white on white, comments, the head of the page."""
    names = _hidden_names(tree)
    elements = list(tree.iter())
    dark: set[Any] = set()  # elements on a ground that is not white
    for element in elements:
        style = _styled(element)
        if _DARK.search(style) or element.getparent() in dark:
            dark.add(element)
        tag = element.tag if isinstance(element.tag, str) else "comment"
        hidden = (
            tag in ("comment", "head", "title", "style", "script", "template", "noscript", "textarea", "select")
            or element.get("hidden") is not None
            or element.get("size") == "0"
            or bool(_HIDING.search(style))
            or not names.isdisjoint((*(element.get("class") or "").split(), element.get("id") or ""))
            or (element not in dark and bool(_WHITE.search(style)))
        )
        if hidden and element.getparent() is not None:
            element.drop_tree()


def _mark_quotes(tree: Any) -> None:
    """Puts text in the place of what is quoted that `own_text` knows: ">" for a quote that has an end, a line of
    dashes where everything that follows is quoted."""
    elements = [element for element in tree.iter() if isinstance(element.tag, str)]
    around: set[Any] = set()  # what has a blockquote inside
    for element in tree.iter("blockquote"):
        parent = element.getparent()
        while parent is not None and parent not in around:
            around.add(parent)
            parent = parent.getparent()
    for element in elements:
        named = f"{element.get('class') or ''} {element.get('id') or ''} {element.get('name') or ''}".lower()
        if _SIGNED.search(named) or element.get("data-signatureblock"):
            _replace(element, "")
        elif _FROM_HERE.search(named) or (element.tag == "div" and _BORDERED.search(_styled(element))):
            _replace(element, "---------- quoted ----------")
        elif (
            element.tag == "blockquote"
            or _WHOLE.search(named)
            or named.strip() == "quote"
            or ("gmail_quote" in named and element not in around)
        ):
            _replace(element, "> quoted")


def _replace(element: Any, text: str) -> None:
    if element.getparent() is None:
        return
    if text:
        mark = element.makeelement("p")
        mark.text = text
        element.addprevious(mark)
    element.drop_tree()
