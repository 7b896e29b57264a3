"""Who and what a practice has: providers, clients, services and locations.

Deleting locks the row before looking for what needs it: whoever is about to refer to it then waits, and finds
it gone, or has committed and is found.
"""

from reservation.services.directory.clients import create_client, delete_client, update_client
from reservation.services.directory.locations import create_location, delete_location, update_location
from reservation.services.directory.providers import create_provider, delete_provider, update_provider
from reservation.services.directory.rows import InUse
from reservation.services.directory.services import create_service, delete_service, update_service

__all__ = [
    "InUse",
    "create_client",
    "create_location",
    "create_provider",
    "create_service",
    "delete_client",
    "delete_location",
    "delete_provider",
    "delete_service",
    "update_client",
    "update_location",
    "update_provider",
    "update_service",
]
