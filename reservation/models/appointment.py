from datetime import timedelta

from django.db import models
from django.db.models.functions import Extract, Mod

from reservation.models.constraints import SamePractice, addressable


class Appointment(models.Model):
    """A slot of a provider's time: 15 minutes on the quarter-hour (FHIR: Slot)."""

    class Status(models.TextChoices):
        OPEN = "OPEN", "Open"
        BLOCKED = "BLOCKED", "Blocked"
        WITHDRAWN = "WITHDRAWN", "Withdrawn"

    practice = models.ForeignKey(
        "reservation.Practice", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    # The table is large and only ever read by practice first: no index that leaves the practice out.
    provider = models.ForeignKey(
        "reservation.Provider",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="appointments",
    )
    location = models.ForeignKey(
        "reservation.Location",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    status = models.CharField(max_length=16, choices=Status, default=Status.OPEN)
    block_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            addressable("appointment"),
            # With the two checks below, no two appointments of a provider can overlap.
            models.UniqueConstraint(
                fields=["practice", "provider", "starts_at"], name="appointment_once_per_provider_and_start"
            ),
            models.CheckConstraint(
                name="appointment_on_the_quarter_hour",
                condition=models.lookups.Exact(Mod(Extract("starts_at", "epoch"), 900), 0),
            ),
            models.CheckConstraint(
                name="appointment_lasts_15_minutes",
                condition=models.Q(ends_at=models.F("starts_at") + timedelta(minutes=15)),
            ),
            SamePractice(field="provider", name="appointment_provider_same_practice"),
            SamePractice(field="location", name="appointment_location_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "starts_at", "id"], name="appointment_by_start")]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M}Z"
