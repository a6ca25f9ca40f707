"""What holds for the phonetic code of every name (IP-09)."""

import itertools
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from kruispunt.registers.phonetics import CODE, Code, explain, fold, keys, shared, unpack, wide_codes
from kruispunt.registers.phonetics.code import READINGS
from kruispunt.registers.phonetics.fold import fold_french, fold_german

LETTERS = "abcdefghijklmnopqrstuvwxyzàâäãåáæçéèêëíìîïıñóòôöõøœúùûüýÿßđðłþşšžčćğĳABCDEFGHIJKLMNOPQRSTUVWXYZÉÈÜÖÄÇİŁĐØẞ"
NAMES = st.text(alphabet=LETTERS + " -'’0123456789", min_size=1, max_size=40)
ANYTHING = st.text(max_size=60)


def respelled(name: str, separators: str, capitals: bool, bare: bool) -> str:
    """The same name to whoever folds it: other separators, other case, accents taken off."""
    if bare:
        name = "".join(each for each in unicodedata.normalize("NFD", name) if not unicodedata.combining(each))
    spread = "".join(letter + separator for letter, separator in zip(name, itertools.cycle(separators), strict=False))
    return spread.upper() if capitals else spread


@given(NAMES, st.sampled_from(["", " ", "-", "'", "’ ", "x"]), st.booleans(), st.booleans())
def test_ip_09_names_that_are_equal_after_folding_match(name: str, separator: str, capitals: bool, bare: bool) -> None:
    other = respelled(name, [separator] if separator != "x" else ["", " "], capitals, bare)  # type: ignore[arg-type]
    if fold(name) == fold(other) and fold(name):
        assert shared([name, other])


@given(NAMES)
def test_folding_takes_accents_case_and_separators_off(name: str) -> None:
    decomposed = unicodedata.normalize("NFD", name)
    assert fold(name) == fold(decomposed) == fold(fold(name))
    assert fold(respelled(name, " -'", capitals=False, bare=False)) == fold(name)


@given(ANYTHING)
def test_every_text_has_one_to_four_keys_or_nothing_to_hear(name: str) -> None:
    found = keys(name)
    assert bool(found) == bool(fold(name))
    assert len(found) <= 4
    assert len(set(found)) == len(found)
    assert all(CODE.lowest < key < CODE.above < 2**63 for key in found)


@given(ANYTHING)
def test_what_is_explained_is_what_is_compared(name: str) -> None:
    explanation = explain(name)
    assert tuple(dict.fromkeys(heard.key for heard in explanation.heard)) == keys(name)
    for heard in explanation.heard:
        assert "".join(step.letters for step in heard.steps) == heard.letters
        told = "".join(step.sounds for step in heard.steps)
        assert "".join(sound for sound, _ in itertools.groupby(told)) in (heard.sounds, "")


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZÂÎÔ", min_size=1, max_size=30))
def test_sounds_are_packed_without_loss_or_hashed(sounds: str) -> None:
    assert unpack(CODE.key(sounds)) == (sounds if len(sounds) <= 11 else None)


@given(NAMES)
def test_keys_of_two_versions_never_meet(name: str) -> None:
    assert not set(keys(name)) & set(Code(CODE.version + 1, READINGS).keys(name))


@given(NAMES, NAMES)
def test_the_wider_mode_finds_whatever_the_ordinary_one_finds(name: str, other: str) -> None:
    if shared([name, other]):
        assert wide_codes(name) & wide_codes(other)


def test_the_wider_mode_finds_more() -> None:
    assert not shared(["Hendrickx", "Hondrocks"])
    assert wide_codes("Hendrickx") & wide_codes("Hondrocks")


def test_what_marks_tell_in_french_and_german() -> None:
    assert (fold_french("Éloï François"), fold_german("Jürgen Öz Bär")) == ("éloifransois", "juergenoezbaer")
    assert (fold("Æther Ørsted Łódź Þór ĳssel Œuvre Straße"), fold("İI ıi")) == (
        "aetherorstedlodzthorijsseloeuvrestrasse",
        "iiii",
    )
    assert shared(["D'Hondt", "D’Hondt", "DHONDT", "D Hondt", "D-hondt", "Dʼhondt"])
