"""The words by which moderators decide, in the languages that the settings may name, and the verb of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping

MODERATION_VERBS: Mapping[str, str] = {
    "approve": "approve", "ok": "approve", "okay": "approve", "yes": "approve", "accept": "approve",
    "✅": "approve", "👍": "approve", "reject": "reject", "discard": "discard", "undo": "undo", "hold": "hold",
    "claim": "claim", "return": "return", "redact": "redact", "to": "move", "trust": "trust", "untrust": "untrust",
    "ban": "ban", "note": "note", "show": "show", "recall": "recall", "help": "help",
}  # fmt: skip
GERMAN_MODERATION_VERBS: Mapping[str, str] = {
    "freigeben": "approve", "annehmen": "approve", "ja": "approve", "ablehnen": "reject", "verwerfen": "discard",
    "rückgängig": "undo", "warten": "hold", "übernehmen": "claim", "zurückgeben": "return", "schwärzen": "redact",
    "nach": "move", "vertrauen": "trust", "misstrauen": "untrust", "sperren": "ban", "notiz": "note", "zeigen": "show",
    "zurückrufen": "recall", "hilfe": "help",
}  # fmt: skip
FRENCH_MODERATION_VERBS: Mapping[str, str] = {
    "approuver": "approve", "accepter": "approve", "oui": "approve", "rejeter": "reject", "refuser": "reject",
    "supprimer": "discard", "ignorer": "discard", "annuler": "undo", "attendre": "hold", "prendre": "claim",
    "renvoyer": "return", "caviarder": "redact", "vers": "move", "confiance": "trust", "méfiance": "untrust",
    "exclure": "ban", "noter": "note", "montrer": "show", "rappeler": "recall", "aide": "help",
}  # fmt: skip
_VERBS_IN = {"de": GERMAN_MODERATION_VERBS, "fr": FRENCH_MODERATION_VERBS}


def moderation_verbs(languages: Collection[str] = ()) -> Mapping[str, str]:
    """What moderators may write: English always, other languages (de, fr) where the settings name them."""
    found = dict(MODERATION_VERBS)
    for language in languages:
        found |= _VERBS_IN[language]
    return found
