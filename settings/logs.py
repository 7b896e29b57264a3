"""What a log line must not have."""

import logging
import re

CALENDAR_FEED = re.compile(r"/calendar/\S*")


class NoSecrets(logging.Filter):
    """Takes the secret out of a line that names the address of a calendar feed."""

    def filter(self, record: logging.LogRecord) -> bool:
        line = record.getMessage()
        if CALENDAR_FEED.search(line):
            record.msg, record.args = CALENDAR_FEED.sub("/calendar/-", line), None
        return True
