"""Names as people write them, and numbers with their check digits."""

import pytest

from app.models import identity
from app.models.identity import IdentificationType as Kind
from app.models.refusal import RuleBroken

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize(
    ("family", "given", "name"),
    [
        ("王", "伟", "王伟"),
        ("欧阳", "娜娜", "欧阳娜娜"),
        ("Lovelace", "Ada", "Ada Lovelace"),
        ("Lovelace", None, "Lovelace"),
        (None, None, ""),
    ],
)
def test_a_name_is_written_in_the_order_of_its_script(family, given, name):
    assert identity.full_name(family, given) == name


@pytest.mark.parametrize(
    ("kind", "country", "typed", "stored"),
    [
        (Kind.NATIONAL_ID, "CN", "11010519491231002x", "11010519491231002X"),
        (Kind.NATIONAL_ID, "CN", " 310101 19900307 4511 ", "310101199003074511"),
        (Kind.NATIONAL_ID, "CN", "330106197203050019", "330106197203050019"),  # older than its district in the tables
        (Kind.COMPANY_NUMBER, "CN", "91110000600037341L", "91110000600037341L"),
        (Kind.COMPANY_NUMBER, "DE", "DE 136 695 976", "136695976"),
        (Kind.COMPANY_NUMBER, "FR", "40 303 265 045", "40303265045"),
        (Kind.PASSPORT, "GB", "e1234 5678", "E12345678"),
        (Kind.NATIONAL_ID, "US", "078-05-1120", "078-05-1120"),
        (Kind.COMPANY_NUMBER, None, "HRB 1", "HRB 1"),
        (Kind.OTHER, "CN", "residence permit 7", "residence permit 7"),
    ],
)
def test_a_number_is_stored_compact_and_one_of_an_unknown_kind_as_it_is(kind, country, typed, stored):
    assert identity.valid_number(kind, typed, country) == stored


@pytest.mark.parametrize(
    ("kind", "country", "typed", "why"),
    [
        (Kind.NATIONAL_ID, "CN", "110105194912310020", "check digit"),
        (Kind.NATIONAL_ID, "CN", "1101051949123100", "characters"),
        (Kind.NATIONAL_ID, "CN", "110105194913310021", "does not exist"),
        (Kind.NATIONAL_ID, "CN", "A10105194912310021", "cannot be there"),
        (Kind.COMPANY_NUMBER, "CN", "91110000600037341M", "check digit"),
        (Kind.COMPANY_NUMBER, "DE", "136695977", "check digit"),
        (Kind.PASSPORT, "GB", "E1", "passport number"),
    ],
)
def test_a_mistyped_number_is_refused_and_told_why(kind, country, typed, why):
    with pytest.raises(RuleBroken, match=why) as refusal:
        identity.valid_number(kind, typed, country)
    assert refusal.value.field == "identification_number"


@pytest.mark.parametrize("code", ["XX", "CHN", "中华"])
def test_a_country_has_its_two_letters(code):
    assert identity.known_country("cn") == identity.known_country("中国") == "CN"
    with pytest.raises(RuleBroken, match="is not a country"):
        identity.known_country(code)
