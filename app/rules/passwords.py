"""What a password must be: long, not one that everybody tries first, and not made of who one is."""

from collections.abc import Iterable

from flask_babel import gettext

from app.models.refusal import RuleBroken

LONGEST = 128  # characters; more is no safer, and a hash of it costs time
SAFE = 3  # of zxcvbn's 0 to 4: more than a hundred million guesses


def demand_good_password(password: str, own: Iterable[str], shortest: int) -> None:
    """Raise RuleBroken, beside the field password, with the first thing that is wrong.

    own: user name, names and e-mail of its owner. shortest: characters. NIST SP 800-63B, 5.1.1.2: length and a list of
    what is common, no demand for digits or signs.
    """
    words = [word.lower() for text in own if text for word in (text, text.partition("@")[0]) if len(word) > 2]
    plain = password.lower()
    if len(password) < shortest:
        raise _bad(gettext("The password must have at least %(n)s characters.", n=shortest))
    if len(password) > LONGEST:
        raise _bad(gettext("The password may have at most %(n)s characters.", n=LONGEST))
    if plain in words or (words and _without(plain, words) < shortest // 2):
        raise _bad(gettext("The password must not be made of the name or e-mail address of its owner."))
    if _is_easy(password, words):
        raise _bad(gettext("This password is among the first that others would try; take several words of your own."))


def _is_easy(password: str, words: list[str]) -> bool:
    """Whether it is common, or soon guessed. Loaded when somebody chooses a password: the lists take 12 MiB."""
    from zxcvbn import zxcvbn  # noqa: PLC0415
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415

    is_common = password.lower() in FREQUENCY_LISTS["passwords"]  # some 30,000, in small letters
    return is_common or zxcvbn(password, user_inputs=words, max_length=LONGEST)["score"] < SAFE


def _without(plain: str, words: list[str]) -> int:
    for word in words:
        plain = plain.replace(word, "")
    return len(plain)


def _bad(sentence: str) -> RuleBroken:
    return RuleBroken(sentence, "password")
