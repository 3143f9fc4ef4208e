"""Whether a number can be one of its kind: check digits, by python-stdnum where it knows them.

Each function takes the characters without separators and never raises.
"""

from __future__ import annotations

from stdnum import iban, luhn
from stdnum.au import abn, acn, tfn
from stdnum.ch import ssn
from stdnum.fr import nir
from stdnum.gb import nhs

_MEDICARE = (1, 3, 7, 9, 1, 3, 7, 9)
_PROVIDER = (3, 5, 8, 4, 2, 1)
_LOCATIONS = "0123456789ABCDEFGHJKLMNPQRTUVWXY"
_CHECKS = "YXWTLKJHFBA"


def is_medicare(number: str) -> bool:
    """A Medicare card number, with or without the place of the person on the card."""
    if not number.isdigit() or len(number) not in (10, 11) or number[0] not in "23456":
        return False
    return sum(int(digit) * weight for digit, weight in zip(number, _MEDICARE, strict=False)) % 10 == int(number[8])


def is_luhn(number: str) -> bool:
    return bool(luhn.is_valid(number))


def is_tfn(number: str) -> bool:
    return bool(tfn.is_valid(number)) and len(set(number)) > 1


def is_business(number: str) -> bool:
    """An ABN or an ACN: public numbers of firms."""
    return bool(abn.is_valid(number) or acn.is_valid(number))


def is_nhs(number: str) -> bool:
    """The number of the National Health Service of England and Wales."""
    return bool(nhs.is_valid(number)) and len(set(number)) > 2


def is_ahv(number: str) -> bool:
    """The Swiss social insurance number."""
    return bool(ssn.is_valid(number))


def is_nir(number: str) -> bool:
    """The French social security number."""
    return bool(nir.is_valid(number))


def is_iban(number: str) -> bool:
    return bool(iban.is_valid(number, check_country=False))


def is_provider(number: str) -> bool:
    """A Medicare provider number: six digits, a practice location, a check letter."""
    stem, location, check = number[:6], number[6:7].upper(), number[7:8].upper()
    if not stem.isdigit() or location not in _LOCATIONS or not check or len(number) != 8:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(stem, _PROVIDER, strict=True))
    return _CHECKS[(total + 6 * _LOCATIONS.index(location)) % 11] == check
