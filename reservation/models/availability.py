from django.db import models
from django.db.models.functions import Now

from reservation.models.constraints import SamePractice, addressable


class AvailabilityRule(models.Model):
    """A provider's weekly window of time, in local clock time."""

    class Weekday(models.IntegerChoices):
        MONDAY = 0
        TUESDAY = 1
        WEDNESDAY = 2
        THURSDAY = 3
        FRIDAY = 4
        SATURDAY = 5
        SUNDAY = 6

    practice = models.ForeignKey(
        "reservation.Practice", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    provider = models.ForeignKey(
        "reservation.Provider",
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="availability_rules",
    )
    location = models.ForeignKey(
        "reservation.Location",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="+",
    )
    weekday = models.PositiveSmallIntegerField(choices=Weekday)
    start_time = models.TimeField(help_text="Local clock time, on the quarter-hour.")
    end_time = models.TimeField(help_text="Local clock time; 00:00 is midnight at the day's end.")
    time_zone = models.CharField(max_length=64, help_text="IANA name, for example Europe/Berlin.")
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True, help_text="The last day; empty: for good.")

    class Meta:
        constraints = [
            addressable("availability_rule"),
            models.CheckConstraint(name="rule_weekday_0_to_6", condition=models.Q(weekday__lte=6)),
            models.CheckConstraint(
                name="rule_starts_before_it_ends",
                condition=models.Q(start_time__lt=models.F("end_time")) | models.Q(end_time="00:00"),
            ),
            models.CheckConstraint(
                name="rule_valid_from_before_until",
                condition=models.Q(valid_until__isnull=True)
                | models.Q(valid_until__gte=models.F("valid_from")),
            ),
            SamePractice(field="provider", name="rule_provider_same_practice"),
            SamePractice(field="location", name="rule_location_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "provider"], name="rule_by_provider")]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.start_time:%H:%M}-{self.end_time:%H:%M} {self.time_zone}"


class AvailabilityException(models.Model):
    """Time added to or removed from what a provider's rules give."""

    class Kind(models.TextChoices):
        ADD = "ADD", "Add"
        REMOVE = "REMOVE", "Remove"

    practice = models.ForeignKey(
        "reservation.Practice", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    provider = models.ForeignKey(
        "reservation.Provider",
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="availability_exceptions",
    )
    kind = models.CharField(max_length=8, choices=Kind)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            addressable("availability_exception"),
            models.CheckConstraint(
                name="exception_starts_before_it_ends", condition=models.Q(starts_at__lt=models.F("ends_at"))
            ),
            SamePractice(field="provider", name="exception_provider_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "provider", "ends_at"], name="exception_by_provider")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.starts_at:%Y-%m-%d %H:%M}"
