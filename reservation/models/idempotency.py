from django.db import models
from django.db.models.functions import Now


class IdempotencyKey(models.Model):
    """A write that was done once, so that a retry gives its answer again instead of a second write."""

    practice = models.ForeignKey(
        "reservation.Practice", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    user = models.ForeignKey("reservation.User", on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    operation = models.CharField(max_length=100)
    request_sha256 = models.CharField(max_length=64)
    answer = models.JSONField(null=True, help_text="Where the answer is: ids, never personal data.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["practice", "user", "key"], name="idempotency_key_once"),
        ]

    def __str__(self) -> str:
        return self.operation
