"""Names and numbers by which people and companies are known."""

import datetime
import re
import zoneinfo
from collections.abc import Callable
from functools import cache
from typing import Any

from babel import Locale
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from phonenumbers import SUPPORTED_REGIONS
from stdnum import get_cc_module
from stdnum.cn import ric, uscc
from stdnum.exceptions import InvalidChecksum, InvalidFormat, InvalidLength, ValidationError
from stdnum.util import isdigits

from app.models.choices import Choices
from app.models.refusal import RuleBroken

ROLE_TITLES: dict[str, Any] = {}  # name of a role of the portal -> what people call it; see app.security.roles


def role_text(name: str) -> str:
    """A role as people read it; one that somebody added has the name that they gave it."""
    return str(ROLE_TITLES.get(name, name))


def roles_text(names: str) -> str:
    """Several of them, as findings keep them."""
    return ", ".join(role_text(name) for name in names.split(", "))


class IdentificationType(Choices):
    NATIONAL_ID = "national_id", _("Identity card"), "blue"
    PASSPORT = "passport", _("Passport"), "teal"
    COMPANY_NUMBER = "company_number", _("Company number"), "violet"
    OTHER = "other", _("Other document"), "grey"


KINDS = {  # what python-stdnum calls the number that a country gives, best first
    IdentificationType.NATIONAL_ID: ("personalid",),
    IdentificationType.COMPANY_NUMBER: ("vat", "businessid"),
}
WHY = {
    "InvalidChecksum": _("the check digit does not fit, so a digit is mistyped."),
    "InvalidLength": _("it has too many or too few characters."),
    "InvalidFormat": _("it has characters that cannot be there."),
    "InvalidComponent": _("a part of it, such as the date or the place, does not exist."),
}
PASSPORT = re.compile(r"[A-Z0-9]{5,20}")
HAN = re.compile(r"[\u3400-\u9fff]")


def full_name(family_name: str | None, given_name: str | None) -> str:
    """As one writes it: 王伟 without a space, family name first; Ada Lovelace in western order."""
    names = [family_name or "", given_name or ""]
    if HAN.search("".join(names)):
        return "".join(names)
    return " ".join(reversed(names)).strip()


def user_text(user: Any) -> str:
    """Two people may have one name."""
    return f"{full_name(user.last_name, user.first_name)} ({user.username})"


def known_country(code: str | None, field: str = "country") -> str | None:
    """The ISO 3166 code in capitals, of a Chinese name too; RuleBroken when there is no such country."""
    if code is None:
        return None
    code = _countries().get(code, code)
    if code.upper() not in SUPPORTED_REGIONS:
        raise RuleBroken(gettext("“%(code)s” is not a country; write its two letters, as CN or US.", code=code), field)
    return code.upper()


@cache
def _countries() -> dict[str, str]:
    return {name: code for code, name in Locale("zh").territories.items() if code in SUPPORTED_REGIONS}


time_zones = cache(zoneinfo.available_timezones)  # it opens every file of them


def known_time_zone(name: str, field: str = "time_zone") -> str:
    if name not in time_zones():
        raise RuleBroken(gettext("“%(name)s” is not a time zone; write it as Asia/Shanghai.", name=name), field)
    return name


def valid_number(kind: str, number: str, country: str | None, field: str = "identification_number") -> str:
    """The number without spaces and hyphens; RuleBroken when its length or check digit is wrong.

    China: GB 11643 for people, GB 32100 for companies. Elsewhere what python-stdnum knows of the country; a number of a
    country it does not know is taken as it is.
    """
    if kind == IdentificationType.PASSPORT:
        compact = re.sub(r"[\s-]", "", number).upper()
        if not PASSPORT.fullmatch(compact):
            raise RuleBroken(
                gettext("“%(number)s” is not a passport number: 5 to 20 letters and digits.", number=number), field
            )
        return compact
    validate = _validator(IdentificationType(kind), country)
    if validate is None:
        return number
    try:
        return str(validate(re.sub(r"\s", "", number)))
    except ValidationError as wrong:
        raise RuleBroken(
            gettext(
                "“%(number)s” is not a valid number of this kind in %(country)s: %(why)s",
                number=number,
                country=country,
                why=WHY.get(type(wrong).__name__, WHY["InvalidComponent"]),
            ),
            field,
        ) from None


def birth_date_of(number: str) -> datetime.date:
    """The date of birth that a Chinese identity card tells."""
    return ric.get_birth_date(number)


def chinese_card(number: str) -> str:
    """The number of a Chinese identity card, by length, date of birth and check digit (GB 11643).

    python-stdnum also wants the district to have existed in the year of birth; its table begins in 1983 for most of
    them, while people born before have their cards from those districts all the same.
    """
    compact = ric.compact(number)
    if len(compact) != 18:
        raise InvalidLength()
    if not isdigits(compact[:-1]):
        raise InvalidFormat()
    if compact[-1] != ric.calc_check_digit(compact):
        raise InvalidChecksum()
    ric.get_birth_date(compact)
    return compact


CHINESE: dict[IdentificationType, Callable[[str], str]] = {  # stated: a new alias in the library changes nothing
    IdentificationType.NATIONAL_ID: chinese_card,
    IdentificationType.COMPANY_NUMBER: uscc.validate,
}


def _validator(kind: IdentificationType, country: str | None) -> Callable[[str], str] | None:
    if country is None:
        return None
    if country == "CN":
        return CHINESE.get(kind)
    names = KINDS.get(kind, ())
    module = next((module for name in names if (module := get_cc_module(country.lower(), name))), None)
    return module.validate if module is not None else None
