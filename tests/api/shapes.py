"""What tests of the API say about answers, in short."""

from api.utils import to_global_id


def id_of(row):
    """Return the global id of a row."""
    return to_global_id(type(row).__name__, row.pk)


def nodes(connection):
    """Return the nodes of a connection."""
    return [edge["node"] for edge in connection["edges"]]


def ids(connection):
    """Return the ids of a connection's nodes."""
    return [node["id"] for node in nodes(connection)]


def refusals(answer):
    """Return the code and the argument's path of each error of an answer."""
    return [(error["extensions"]["code"], error["extensions"].get("path")) for error in answer["errors"]]


def instant(moment):
    """Return an aware datetime as the API writes it."""
    return moment.isoformat().replace("+00:00", "Z")
