from django.db import models
from django.db.models.functions import Now

from reservation.models.constraints import SamePractice, addressable


class Provider(models.Model):
    """Someone who gives care and publishes time for it."""

    practice = models.ForeignKey(
        "reservation.Practice", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    name = models.CharField(max_length=200)
    npi = models.CharField(
        "NPI", max_length=10, blank=True, help_text="National Provider Identifier, 10 digits."
    )
    specialty = models.CharField(max_length=200, blank=True)
    time_zone = models.CharField(max_length=64)
    is_active = models.BooleanField(default=True)
    locations = models.ManyToManyField(
        "reservation.Location", through="ProviderLocation", related_name="providers"
    )
    services = models.ManyToManyField(
        "reservation.Service", through="ProviderService", related_name="providers"
    )
    calendar_token_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            addressable("provider"),
            models.UniqueConstraint(
                fields=["practice", "npi"], condition=~models.Q(npi=""), name="provider_npi_once_in_practice"
            ),
        ]
        indexes = [models.Index(fields=["practice", "name", "id"], name="provider_by_name")]

    def __str__(self) -> str:
        return self.name


class ProviderLocation(models.Model):
    """A provider works at a location."""

    practice = models.ForeignKey(
        "reservation.Practice", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, db_constraint=False)
    location = models.ForeignKey("reservation.Location", on_delete=models.CASCADE, db_constraint=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["practice", "provider", "location"], name="provider_location_once"
            ),
            SamePractice(field="provider", name="provider_location_provider_same_practice"),
            SamePractice(field="location", name="provider_location_location_same_practice"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} at {self.location}"


class ProviderService(models.Model):
    """A provider offers a service."""

    practice = models.ForeignKey(
        "reservation.Practice", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, db_constraint=False)
    service = models.ForeignKey("reservation.Service", on_delete=models.CASCADE, db_constraint=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["practice", "provider", "service"], name="provider_service_once"),
            SamePractice(field="provider", name="provider_service_provider_same_practice"),
            SamePractice(field="service", name="provider_service_service_same_practice"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.service}"
