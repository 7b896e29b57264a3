"""The committed SDL is what the schema is: a change of the API is a change of that file."""

import re
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from graphql import is_object_type

from api.query.node import LOADERS
from api.schema import schema

SDL = Path(settings.BASE_DIR) / "api" / "schema.graphql"
RENEW = "run `python manage.py graphql_schema --schema api.schema.schema --out api/schema.graphql`"


def test_the_command_writes_the_committed_sdl(tmp_path, capsys):
    out = tmp_path / "schema.graphql"

    call_command("graphql_schema", schema="api.schema.schema", out=str(out))

    assert out.read_text() == SDL.read_text(), RENEW


def test_every_type_with_an_id_can_be_asked_for_by_it():
    types = schema.graphql_schema.type_map
    with_id = {
        name for name, each in types.items() if is_object_type(each) and types["Node"] in each.interfaces
    }

    assert with_id == set(LOADERS)


def test_every_connection_takes_the_four_arguments_of_a_page():
    for name, each in schema.graphql_schema.type_map.items():
        if not is_object_type(each):
            continue
        for field_name, field in each.fields.items():
            if str(field.type).rstrip("!").endswith("Connection"):
                missing = {"first", "last", "after", "before"} - set(field.args)
                assert not missing, f"{name}.{field_name} lacks {missing}"


def test_no_secret_has_a_field():
    assert not re.search(r"(secret|password|token)\w*: ", _fields_of_nodes(), re.IGNORECASE)


def _fields_of_nodes():
    types = schema.graphql_schema.type_map
    return "\n".join(f"{field}: {name}" for name in LOADERS for field in types[name].fields)
