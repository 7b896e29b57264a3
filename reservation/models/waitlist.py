from django.db import models
from django.db.models.functions import Now

from reservation.models.constraints import SamePractice, addressable


class WaitlistEntry(models.Model):
    """A client's wish for an appointment that is not free yet."""

    class Status(models.TextChoices):
        WAITING = "WAITING", "Waiting"
        OFFERED = "OFFERED", "Offered"
        LEFT = "LEFT", "Left"
        ENDED = "ENDED", "Ended"

    practice = models.ForeignKey(
        "reservation.Practice", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    client = models.ForeignKey(
        "reservation.Client", on_delete=models.CASCADE, db_constraint=False, related_name="waitlist_entries"
    )
    provider = models.ForeignKey(
        "reservation.Provider",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="+",
    )
    service = models.ForeignKey(
        "reservation.Service",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="+",
    )
    starts_from = models.DateTimeField()
    starts_until = models.DateTimeField()
    status = models.CharField(max_length=16, choices=Status, default=Status.WAITING)
    reservation = models.ForeignKey(
        "reservation.Reservation",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="+",
        help_text="The hold that was offered.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "waitlist entries"
        constraints = [
            addressable("waitlist_entry"),
            models.CheckConstraint(
                name="waitlist_from_before_until",
                condition=models.Q(starts_from__lt=models.F("starts_until")),
            ),
            models.CheckConstraint(
                name="waitlist_offer_names_its_hold",
                condition=~models.Q(status="OFFERED") | models.Q(reservation__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["practice", "client", "provider", "service"],
                condition=models.Q(status="WAITING"),
                nulls_distinct=False,
                name="waitlist_once_per_wish",
            ),
            SamePractice(field="client", name="waitlist_client_same_practice"),
            SamePractice(field="provider", name="waitlist_provider_same_practice"),
            SamePractice(field="service", name="waitlist_service_same_practice"),
            SamePractice(field="reservation", name="waitlist_reservation_same_practice"),
        ]
        indexes = [
            models.Index(
                fields=["practice", "created_at", "id"],
                condition=models.Q(status="WAITING"),
                name="waitlist_in_turn",
            ),
            models.Index(fields=["id"], condition=models.Q(status="OFFERED"), name="waitlist_offered"),
        ]

    def __str__(self) -> str:
        return f"{self.get_status_display()} since {self.created_at:%Y-%m-%d}"
