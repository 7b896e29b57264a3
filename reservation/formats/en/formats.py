"""How pages write instants where they do not say it themselves: Mon 7 Jan 2030, 09:15 CST."""

DATETIME_FORMAT = "D j M Y, H:i T"
