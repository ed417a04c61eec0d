"""Settings: read from a mapping, bounded, and the same in code, documentation and template."""

import re
from pathlib import Path

import pytest

from handler.settings import SETTINGS, SettingError, Settings

ROOT = Path(__file__).parents[2]


def test_what_is_unset_keeps_its_default() -> None:
    assert Settings.from_mapping({}) == Settings()
    assert Settings.from_mapping({"PATH": "/bin", "QUERYTOWERSTORE": "x"}) == Settings()
    assert Settings.from_mapping({"QUERYTOWER_NO_SUCH": "x"}) == Settings()


def test_values_have_the_type_of_their_default() -> None:
    given = {
        "QUERYTOWER_STORE": "s3://bucket/prefix",
        "QUERYTOWER_THREADS": "2",
        "QUERYTOWER_POLL_SECONDS": "0",
        "QUERYTOWER_STORE_TIMEOUT": "2.5",
        "QUERYTOWER_LOG_QUERIES": "Yes",
    }
    settings = Settings.from_mapping(given)
    assert settings == Settings(
        store="s3://bucket/prefix", threads=2, poll_seconds=0.0, store_timeout=2.5, log_queries=True
    )
    assert [type(settings.threads), type(settings.poll_seconds)] == [int, float]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((t, True) for t in ("1", "true", "ON", " yes ")),
        *((t, False) for t in ("0", "False", "off", "no")),
    ],
)
def test_words_for_on_and_off(text: str, expected: bool) -> None:
    assert Settings.from_mapping({"QUERYTOWER_LOG_QUERIES": text}).log_queries is expected


@pytest.mark.parametrize(
    ("name", "text", "remedy"),
    [
        ("THREADS", "two", "a number (int)"),
        ("THREADS", "1.5", "a number (int)"),
        ("THREADS", "", "a number (int)"),
        ("THREADS", "0", "1 or more"),
        ("MAX_K", "-3", "1 or more"),
        ("MAX_OFFSET", "-1", "0 or more"),
        ("CACHED_QUERIES", "-1", "0 or more"),
        ("POLL_SECONDS", "-0.1", "0 or more"),
        ("POLL_SECONDS", "soon", "a number (float)"),
        ("STORE_TIMEOUT", "0", "0.1 or more"),
        ("STORE_TIMEOUT", "inf", "a number up to"),
        ("STORE_TIMEOUT", "1e300", "a number up to"),
        ("POLL_SECONDS", "inf", "a number up to"),
        ("THREADS", "9" * 30, "a number up to"),
        ("STORE_TIMEOUT", "nan", "0.1 or more"),
        ("LOG_QUERIES", "perhaps", "on or off"),
        ("LOG_QUERIES", "", "on or off"),
        ("PAGE_ACCENT", "green", "something like #"),
    ],
)
def test_a_bad_value_names_variable_value_and_remedy(name: str, text: str, remedy: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings.from_mapping({f"QUERYTOWER_{name}": text})
    for part in (f"QUERYTOWER_{name}", repr(text), remedy):
        assert part in str(caught.value)


def test_each_bound_itself_is_allowed() -> None:
    Settings.from_mapping(
        {"QUERYTOWER_THREADS": "1", "QUERYTOWER_MAX_OFFSET": "0", "QUERYTOWER_STORE_TIMEOUT": "0.1"}
    )


def test_every_default_reads_back_as_itself() -> None:
    assert (
        Settings.from_mapping({setting.name: setting.default for setting in SETTINGS}) == Settings()
    )


def test_folders(tmp_path: Path) -> None:
    assert Settings(cache=str(tmp_path)).cache_folder == tmp_path
    assert Settings().cache_folder.name == "querytower"
    assert Settings(model=str(tmp_path)).model_folder == tmp_path
    assert Settings().model_folder == ROOT / "model"


def test_the_documentation_has_the_same_table() -> None:
    text = (ROOT / "docs/settings.md").read_text("utf-8")
    rows = re.findall(r"^\| *`(QUERYTOWER_\w+)` *\|(.*?)\|(.*)\|$", text, re.MULTILINE)
    table = [
        (name, *(cell.strip().strip("`").replace("\\", "") for cell in cells))
        for name, *cells in rows
    ]
    assert table == [(setting.name, setting.default, setting.help) for setting in SETTINGS]


def test_the_template_sets_what_is_declared() -> None:
    used = set(re.findall(r"QUERYTOWER_\w+", (ROOT / "template.yaml").read_text("utf-8")))
    assert "QUERYTOWER_STORE" in used
    assert used <= {setting.name for setting in SETTINGS}
