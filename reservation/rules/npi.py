"""The National Provider Identifier and its check digit.

Source: CMS, "Requirements for National Provider Identifier (NPI) and NPI Check Digit": the Luhn formula of
ISO/IEC 7812-1 over the NPI with 80840 before it (80 is health applications, 840 the United States).
"""

from reservation.rules.errors import Invalid

PREFIX = "80840"


def is_valid_npi(npi: str) -> bool:
    """Say whether npi is ten ASCII digits of which the last is the check digit of the others."""
    return len(npi) == 10 and npi.isascii() and npi.isdecimal() and npi == npi_with_check_digit(npi[:9])


def check_npi(npi: str) -> str:
    """Return a valid NPI as it is.

    Raises: Invalid (path npi).
    """
    if not is_valid_npi(npi):
        raise Invalid("An NPI has ten digits, the last of which is its check digit.", path=("npi",))
    return npi


def npi_with_check_digit(nine: str) -> str:
    """Return the NPI that begins with these nine ASCII digits."""
    total = 0
    for position, digit in enumerate(reversed(PREFIX + nine)):
        # Luhn doubles every other digit, beginning with the one next to the check digit, and adds the digits.
        total += sum(divmod(int(digit) * 2, 10)) if position % 2 == 0 else int(digit)
    return f"{nine}{-total % 10}"
