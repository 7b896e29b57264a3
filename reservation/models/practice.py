from django.db import models
from django.db.models.functions import Now


class Practice(models.Model):
    """The tenant: a care practice, whose rows no other practice sees."""

    name = models.CharField(max_length=200)
    slug = models.SlugField(unique=True, help_text="Names the practice at sign-in.")
    host = models.CharField(
        max_length=253,
        unique=True,
        null=True,
        blank=True,
        help_text="The host name that its users sign in at.",
    )
    time_zone = models.CharField(
        max_length=64, default="UTC", help_text="IANA name, for example America/Chicago."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.name
