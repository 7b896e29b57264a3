from django.db import models

from reservation.models.constraints import addressable


class Service(models.Model):
    """A kind of visit: its length in appointments of 15 minutes, its price, its own booking policy."""

    practice = models.ForeignKey(
        "reservation.Practice", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    name = models.CharField(max_length=200)
    slots = models.PositiveSmallIntegerField(default=1, help_text="Length, in appointments of 15 minutes.")
    price_cents = models.BigIntegerField(default=0)
    lead_time_minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Overrides the practice's lead time."
    )
    hold_minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Overrides the practice's hold."
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            addressable("service"),
            models.UniqueConstraint(fields=["practice", "name"], name="service_name_once_in_practice"),
            models.CheckConstraint(
                name="service_slots_1_to_32", condition=models.Q(slots__gte=1, slots__lte=32)
            ),
            # The API's Int has 32 bits.
            models.CheckConstraint(
                name="service_price_fits_the_api",
                condition=models.Q(price_cents__gte=0, price_cents__lt=2**31),
            ),
            models.CheckConstraint(
                name="service_hold_at_least_a_minute",
                condition=models.Q(hold_minutes__isnull=True) | models.Q(hold_minutes__gte=1),
            ),
        ]

    def __str__(self) -> str:
        return self.name
