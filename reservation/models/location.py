from django.db import models

from reservation.models.constraints import addressable


class Location(models.Model):
    """A place where visits happen."""

    practice = models.ForeignKey(
        "reservation.Practice", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    name = models.CharField(max_length=200)
    address = models.CharField(max_length=500, blank=True)
    time_zone = models.CharField(max_length=64)

    class Meta:
        constraints = [
            addressable("location"),
            models.UniqueConstraint(fields=["practice", "name"], name="location_name_once_in_practice"),
        ]

    def __str__(self) -> str:
        return self.name
