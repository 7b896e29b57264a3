from datetime import UTC, datetime, timedelta

from icalendar import Calendar

from reservation.adapters import icalendar
from reservation.adapters.icalendar import Entry

START = datetime(2030, 1, 31, 9, tzinfo=UTC)
ENTRY = Entry(
    uid="reservation-1@frontdesk",
    sequence=3,
    starts_at=START,
    ends_at=START + timedelta(minutes=15),
    updated_at=START - timedelta(days=1),
    is_tentative=False,
    summary="Check-up",
    location="Main Street",
)


def test_renders_an_entry_exactly():
    assert icalendar.render("Dr. Ada", [ENTRY]).decode().split("\r\n") == [
        "BEGIN:VCALENDAR",
        "PRODID:-//Frontdesk//Calendar feed//EN",
        "VERSION:2.0",
        "METHOD:PUBLISH",
        "NAME:Dr. Ada",
        "X-WR-CALNAME:Dr. Ada",
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
        "X-PUBLISHED-TTL:PT15M",
        "BEGIN:VEVENT",
        "UID:reservation-1@frontdesk",
        "DTSTAMP:20300130T090000Z",
        "SEQUENCE:3",
        "DTSTART:20300131T090000Z",
        "DTEND:20300131T091500Z",
        "SUMMARY:Check-up",
        "STATUS:CONFIRMED",
        "CLASS:PRIVATE",
        "LOCATION:Main Street",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


def test_a_tentative_entry_without_a_location_says_so():
    entry = Entry(
        **{name: getattr(ENTRY, name) for name in Entry.__slots__} | {"is_tentative": True, "location": ""}
    )

    rendered = icalendar.render("Dr. Ada", [entry])

    assert b"STATUS:TENTATIVE\r\n" in rendered
    assert b"LOCATION" not in rendered


def test_text_cannot_break_out_of_its_line():
    awkward = "Tests; a, b\\c\r\nEND:VCALENDAR\nBEGIN:VALARM " + "ü" * 100
    entry = Entry(**{name: getattr(ENTRY, name) for name in Entry.__slots__} | {"summary": awkward})

    rendered = icalendar.render(awkward, [entry])

    assert rendered.count(b"END:VCALENDAR\r\n") == 1
    assert max(map(len, rendered.split(b"\r\n"))) <= 75
    (event,) = Calendar.from_ical(rendered).events
    assert event["SUMMARY"] == awkward.replace("\r\n", "\n")


def test_a_calendar_may_be_empty():
    assert Calendar.from_ical(icalendar.render("Dr. Ada", [])).events == []
