"""The README's tour is found, and a tour that does not work is said not to."""

import pytest

from devops import tour

README = """
```bash
echo not part of it
```
<!-- tour -->
```bash
echo one
```
and
```json
{"not": "a command"}
```
```bash
echo two
```
<!-- /tour -->
"""


def test_finds_the_commands_between_the_marks():
    assert tour.tour(README) == "echo one\necho two\n"


def test_a_readme_without_a_tour_is_refused():
    with pytest.raises(ValueError, match="no tour"):
        tour.tour("```bash\necho one\n```\n")


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ('echo \'{"data": {"errors": []}}\'', 0),
        ('echo \'{"errors": [{"message": "no"}]}\'', 1),
        ("false | cat", 1),
        ("echo $UNSET", 1),
    ],
)
def test_a_failing_command_or_an_answer_with_errors_fails_the_tour(monkeypatch, tmp_path, command, status):
    readme = tmp_path / "README.md"
    readme.write_text(f"<!-- tour -->\n```bash\n{command}\n```\n<!-- /tour -->\n")
    monkeypatch.setattr(tour, "README", readme)

    assert tour.main() == status
