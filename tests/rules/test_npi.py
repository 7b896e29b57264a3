import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservation.rules import npi
from reservation.rules.errors import Invalid

nine_digits = st.integers(0, 999_999_999).map(lambda number: f"{number:09}")


def test_the_example_of_cms_has_the_check_digit_of_cms():
    # Source: CMS, "NPI Check Digit", the worked example.
    assert npi.npi_with_check_digit("123456789") == "1234567893"
    assert npi.is_valid_npi("1234567893")


@given(nine=nine_digits, last=st.integers(0, 9))
def test_only_one_last_digit_is_right(nine, last):
    whole = f"{nine}{last}"

    assert npi.is_valid_npi(whole) == (whole == npi.npi_with_check_digit(nine))


@given(nine=nine_digits, position=st.integers(0, 9), shift=st.integers(1, 9))
def test_a_mistyped_digit_is_found(nine, position, shift):
    right = npi.npi_with_check_digit(nine)
    wrong = f"{right[:position]}{(int(right[position]) + shift) % 10}{right[position + 1 :]}"

    assert npi.check_npi(right) == right
    assert not npi.is_valid_npi(wrong)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "1234567890",
        "123456789",
        "12345678930",
        " 234567893",
        "1234567893\n",
        "-234567893",
        "12345six93",
        # Arabic-Indic digits are decimal to Python, not to a payer.
        "\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u06693",
        "123456789\u00b3",
        "\x00234567893",
    ],
)
def test_what_is_no_npi_is_refused(typed):
    with pytest.raises(Invalid) as refused:
        npi.check_npi(typed)

    assert refused.value.path == ("npi",)
