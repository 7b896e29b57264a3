"""Calendars as calendar programs read them: iCalendar, RFC 5545."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from icalendar import Calendar, Event, vText

PRODUCT = "-//Frontdesk//Calendar feed//EN"
REFRESH_EVERY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a calendar.

    uid: the same for the same thing for ever. sequence: grows with every change. starts_at, ends_at,
    updated_at: aware UTC. is_tentative: it may yet come to nothing. location: empty when there is none.
    """

    uid: str
    sequence: int
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    is_tentative: bool
    summary: str
    location: str = ""


def render(name: str, entries: Iterable[Entry]) -> bytes:
    """Return a calendar of this name as UTF-8 text/calendar, the entries in the order given."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    # Source: RFC 7986, sections 5.1 and 5.7; the X- names are what Apple's and Microsoft's programs read.
    # As vText, because the library escapes only properties that it knows.
    calendar.add("name", vText(name))
    calendar.add("x-wr-calname", vText(name))
    calendar.add("refresh-interval", REFRESH_EVERY, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT15M")
    for entry in entries:
        calendar.add_component(_event(entry))
    rendered: bytes = calendar.to_ical(sorted=False)
    return rendered


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    # Source: RFC 5545, section 3.8.7.2: of a published calendar, when the information was last revised.
    event.add("dtstamp", entry.updated_at)
    event.add("sequence", entry.sequence)
    event.add("dtstart", entry.starts_at)
    event.add("dtend", entry.ends_at)
    event.add("summary", entry.summary)
    event.add("status", "TENTATIVE" if entry.is_tentative else "CONFIRMED")
    event.add("class", "PRIVATE")
    if entry.location:
        event.add("location", entry.location)
    return event
