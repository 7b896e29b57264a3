"""What people type into fields: cleaned, or refused with what would be right."""

import re
import unicodedata
from collections.abc import Sequence

from reservation.rules.errors import Invalid

# Control characters, lone surrogates, line and paragraph separators: PostgreSQL refuses NUL, UTF-8 refuses
# surrogates, and a line break in a name or an address is how headers are forged.
REFUSED_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}

# Source: RFC 5321, section 4.5.3.1: 64 octets before the @, 254 in all (erratum 1690).
LONGEST_EMAIL = 254
EMAIL = re.compile(r'[^\s@"(),:;<>\[\]\\]{1,64}@(?:\w(?:[\w-]{0,61}\w)?\.)+\w(?:[\w-]{0,61}\w)?')

# Source: ITU-T E.164, section 6.1: 15 digits at most; nobody's full number is shorter than seven.
LONGEST_PHONE_AS_TYPED = 40
PHONE = re.compile(r"\+?[0-9]{7,15}")
PHONE_PUNCTUATION = str.maketrans("", "", " -.()/")


def check_text(value: str | None, *, path: Sequence[str], max_length: int, required: bool = True) -> str:
    """Return a line of text without the blanks around it; None counts as empty.

    max_length: in characters, after stripping. required: whether empty is refused.
    Raises: Invalid (path as given; empty, too long, or with control characters or broken Unicode).
    """
    text = (value or "").strip()
    if required and not text:
        raise Invalid(f"{path[-1]} must not be empty.", path=path)
    if len(text) > max_length:
        raise Invalid(f"{path[-1]} must have {max_length} characters or fewer.", path=path)
    if any(unicodedata.category(character) in REFUSED_CATEGORIES for character in text):
        raise Invalid(f"{path[-1]} must be one line of text without control characters.", path=path)
    return text


def check_email(value: str | None, *, path: Sequence[str] = ("email",), required: bool = True) -> str:
    """Return an e-mail address as typed, stripped. Only a message to it shows that it is somebody's.

    Raises: Invalid (path as given).
    """
    email = check_text(value, path=path, max_length=LONGEST_EMAIL, required=required)
    if email and not EMAIL.fullmatch(email):
        raise Invalid(f"{path[-1]} must be an address such as ada@example.org.", path=path)
    return email


def check_phone(value: str | None, *, path: Sequence[str] = ("phone",), required: bool = True) -> str:
    """Return a telephone number as its digits, with the + before them where it was typed.

    Raises: Invalid (path as given).
    """
    typed = check_text(value, path=path, max_length=LONGEST_PHONE_AS_TYPED, required=required)
    phone = typed.translate(PHONE_PUNCTUATION)
    if typed and not PHONE.fullmatch(phone):
        raise Invalid(f"{path[-1]} must be a number such as +1 555 010 0199.", path=path)
    return phone
