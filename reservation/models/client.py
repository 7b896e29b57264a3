from django.db import models
from django.db.models.functions import Now

from reservation.models.constraints import addressable


class Client(models.Model):
    """Someone who receives care."""

    practice = models.ForeignKey(
        "reservation.Practice", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=32, blank=True)
    time_zone = models.CharField(max_length=64)
    external_id = models.CharField(
        max_length=128, blank=True, help_text="The client's number in another system."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            addressable("client"),
            models.UniqueConstraint(
                fields=["practice", "external_id"],
                condition=~models.Q(external_id=""),
                name="client_external_id_once_in_practice",
            ),
        ]
        indexes = [models.Index(fields=["practice", "name", "id"], name="client_by_name")]

    def __str__(self) -> str:
        return self.name
