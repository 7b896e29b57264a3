from django.contrib.auth.models import AbstractUser
from django.db import models

from reservation.models.constraints import SamePractice
from reservation.rules.policy import Role


class User(AbstractUser):
    """Someone who can sign in; what they may do depends on their membership."""


class Membership(models.Model):
    """A user's place in a practice: the role, and the provider or client the user is."""

    class Roles(models.TextChoices):
        ADMIN = Role.ADMIN.value, "Admin"
        STAFF = Role.STAFF.value, "Staff"
        PROVIDER = Role.PROVIDER.value, "Provider"
        CLIENT = Role.CLIENT.value, "Client"

    practice = models.ForeignKey(
        "reservation.Practice", on_delete=models.CASCADE, db_index=False, related_name="memberships"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Roles)
    provider = models.ForeignKey(
        "reservation.Provider",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="+",
    )
    client = models.ForeignKey(
        "reservation.Client",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="+",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["practice", "user"], name="membership_once_in_practice"),
            models.CheckConstraint(
                name="membership_names_its_provider",
                condition=models.Q(role="PROVIDER", provider__isnull=False)
                | (~models.Q(role="PROVIDER") & models.Q(provider__isnull=True)),
                violation_error_message="A provider's membership names the provider, and no other does.",
            ),
            models.CheckConstraint(
                name="membership_names_its_client",
                condition=models.Q(role="CLIENT", client__isnull=False)
                | (~models.Q(role="CLIENT") & models.Q(client__isnull=True)),
                violation_error_message="A client's membership names the client, and no other does.",
            ),
            SamePractice(field="provider", name="membership_provider_same_practice"),
            SamePractice(field="client", name="membership_client_same_practice"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()}"
