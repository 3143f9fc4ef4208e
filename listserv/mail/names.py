"""Names of people, compared as readers see them: who pretends to be somebody else is found by this.

Pure. A key is the same for `Dr Ann Archer`, `ARCHER, Ann (PhD)` and the same letters taken from another alphabet.
Unicode Technical Standard 39 describes such look-alikes; the table holds those that pass for Latin letters in fonts
of mail programs.
"""

from __future__ import annotations

import re
import unicodedata

_LOOK_ALIKES = str.maketrans(
    dict(
        zip(
            "аеорсухіјѕһԁԛԝꮪꭰвнкмтгпьзαβγεηικμνορτυχωıłøđħŧßþðæœ01357|",
            [
                *"aeopcyxijshdqwsabhkmtrnbza",
                *"byenikuvoptuxw",
                *("i", "l", "o", "d", "h", "t", "ss", "p", "d", "ae", "oe", "o", "l", "e", "s", "t", "l"),
            ],
            strict=True,
        )
    )
)
_TITLES = frozenset(
    (
        "dr", "drs", "prof", "professor", "mr", "mrs", "ms", "mx", "miss", "sir", "dame", "assoc", "associate", "adj",
        "phd", "md", "msc", "ma", "ba", "bsc", "dclinpsych", "dpsych", "psyd", "dpsy", "mpsych", "mbbs", "franzcp",
        "fracgp", "racgp", "oam", "am", "ao", "rn", "ahpra", "jr", "sr", "ii", "iii", "via", "hon",
    )
)  # fmt: skip
_WORD = re.compile(r"[^\W_|]+(?:\|[^\W_]*)*")
ADDRESS = re.compile(r"[^\s<>()\"',;:]+@[^\s<>()\"',;:]+\.[^\s<>()\"',;:.]+")


def name_key(name: str) -> str:
    """The key of a person's name; empty for a single word, which too many people share."""
    text = unicodedata.normalize("NFKD", name).casefold()
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub(r"\([^()]*\)", " ", text).replace("'", "").replace("’", "")
    words = [word.translate(_LOOK_ALIKES) for word in _WORD.findall(text)]
    kept = sorted({word for word in words if len(word) > 1 and word not in _TITLES})
    return " ".join(kept)[:200] if len(kept) > 1 else ""


def spoken_names(name: str) -> tuple[str, ...]:
    """The ways in which a name of several words is written: as it is, without titles, first and last word alone, and
    the last word first. Empty for a single word, which is too many other things as well."""
    bare = re.sub(r"\([^()]*\)", " ", name).replace(",", " ").split()
    core = [word for word in bare if word.strip(".").casefold() not in _TITLES and len(word.strip(".")) > 1]
    if len(core) < 2:
        return ()
    found = [" ".join(name.split()), " ".join(core), f"{core[0]} {core[-1]}", f"{core[-1]}, {core[0]}"]
    found.append(f"{core[-1]}, {' '.join(core[:-1])}")
    return tuple(dict.fromkeys(found))


def addresses_in(name: str) -> list[str]:
    """Mail addresses that a display name shows."""
    return [found.rstrip(".").lower() for found in ADDRESS.findall(name[:1000])]
