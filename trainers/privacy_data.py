"""Generated texts to train the node classifier on, and held-out ones to judge it by: other locales, other templates.

Names, addresses and phone numbers come from Faker's tables of their locale. What is none of these is made of the words of
shops, forums, repositories and settings pages, and of numbers that look like phone numbers and are not. Products are named
after people more often than one would think, so many of the negatives are.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from symbiotic_gym.errors import MissingDependencyError, explain
from symbiotic_gym.trainers.privacy_words import (
    ADJECTIVES,
    COMMON,
    GARMENTS,
    MONTHS,
    PARTICLES,
    PLACES,
    SIZES,
    SUBJECTS,
    THINGS,
    TITLES,
    UI,
    UNITS,
    VERBS,
)

__all__ = ["HELD_OUT", "LOCALES", "Example", "examples", "negatives"]

LOCALES = (
    "en_US", "en_GB", "en_AU", "en_NZ", "en_CA", "de_DE", "de_CH", "fr_FR", "fr_CH", "es_ES", "es_CO", "es_AR",
    "pt_BR", "nl_BE", "no_NO", "da_DK", "pl_PL", "cs_CZ", "sk_SK", "hr_HR", "sl_SI", "hu_HU", "tr_TR", "id_ID",
    "vi_VN", "ru_RU", "uk_UA", "el_GR", "ja_JP", "zh_CN", "ko_KR", "en_PH", "lt_LT", "et_EE", "fr_CA", "en_IE",
    "it_CH", "az_AZ", "en_PK", "ga_IE", "lv_LV", "ar_SA", "he_IL", "fa_IR", "th_TH", "ka_GE", "hy_AM", "hi_IN",
    "ne_NP", "bn_BD", "fr_DZ", "es_CL", "de_LU", "yo_NG", "zu_ZA", "sw", "sq_AL", "uz_UZ", "fil_PH", "is_IS",
    "tw_GH", "en_NG", "en_KE", "mk_MK",
)  # fmt: skip
HELD_OUT = ("en_IN", "it_IT", "sv_SE", "nl_NL", "pt_PT", "es_MX", "de_AT", "fr_BE", "ro_RO", "fi_FI", "bg_BG", "zh_TW")


_TEMPLATES = {
    "name": ("{}",),
    "address": ("{}", "{}", "{}", "{}, {country}"),
    "phone": ("{}", "{}", "{}", "Tel. {}", "Phone {}"),
}

_UI_WORDS = sorted({word for phrase in UI for word in phrase.split()})


@dataclass(frozen=True)
class Example:
    """A text and what it is: `none`, `name`, `address` or `phone`."""

    text: str
    kind: str
    locale: str


def examples(per_locale: int, seed: int, *, held_out: bool = False) -> Iterator[Example]:
    """Private texts of each kind in each locale.

    Args:
        per_locale: how many of each kind.
        seed: fixes them.
        held_out: of the locales that are kept out of training.

    Raises:
        MissingDependencyError: Faker is not installed.
    """
    try:
        from faker import Faker
        from faker.config import AVAILABLE_LOCALES
    except ImportError as error:
        raise MissingDependencyError(
            explain(
                "Faker is not installed",
                "its tables of names and addresses, for making training data",
                "the classifier's weights are shipped; only making new ones needs it",
                "pip install 'symbiotic-gym[dev]'",
            )
        ) from error
    rng = random.Random(seed)
    before: dict[str, list[str]] = {"name": [], "address": [], "phone": []}
    for locale in HELD_OUT if held_out else sorted(set(LOCALES) & set(AVAILABLE_LOCALES)):
        faker = Faker(locale)
        faker.seed_instance(seed)
        for _ in range(per_locale):
            for kind in ("name", "address", "phone") if held_out else ("name", "name", "address", "phone"):
                try:
                    value = _value(faker, kind, rng)
                except AttributeError:  # a locale without this table
                    continue
                if sum(char.isalnum() for char in value) >= 3:
                    if not held_out and kind != "phone" and rng.random() < 0.4:
                        value = _blended(value, before[kind], rng)
                    before[kind] = [*before[kind][-200:], value]
                    text = rng.choice(_TEMPLATES[kind]).format(value, country=_country(faker))
                    yield Example(value if held_out else text, kind, locale)
            if not held_out and faker.locales[0][:2] not in ("zh", "ja", "ko"):
                yield from _words_of(faker, locale, rng)


def _value(faker: Any, kind: str, rng: random.Random) -> str:
    if kind == "name":
        form = rng.random()
        name = faker.name() if form < 0.3 else f"{faker.first_name()} {faker.last_name()}"
        if form > 0.9:
            name = f"{faker.last_name()}, {faker.first_name()}"
        elif form > 0.85:
            name = f"{faker.first_name()} {rng.choice('ABCDEFGHJKLMNPRSTW')}. {faker.last_name()}"
        elif form > 0.82:
            name = name.upper()
        elif form > 0.75:
            name = f"{faker.first_name()} {rng.choice(PARTICLES)} {faker.last_name()}"
        elif form > 0.7:
            name = f"{faker.last_name()} {faker.first_name()}"
        return str(name)
    if kind == "phone":
        return str(faker.phone_number())
    form = rng.random()
    if form < 0.5:
        return str(faker.address()).replace("\n", ", " if form < 0.4 else " ")
    street = str(faker.street_address())
    return street if form < 0.6 or not any(c.isdigit() for c in street) else f"{street}, {faker.postcode()} {faker.city()}"


def _blended(value: str, others: Sequence[str], rng: random.Random) -> str:
    """Words that no table has: the head of one and the tail of another, as real names are often made."""
    pool = [
        word for other in rng.sample(others, min(len(others), 8)) for word in other.split() if len(word) > 4 and word.isalpha()
    ]
    words = value.split()
    for i, word in enumerate(words):
        if pool and len(word) > 4 and word.isalpha() and rng.random() < 0.7:
            other = rng.choice(pool)
            words[i] = word[: rng.randrange(2, len(word) - 1)] + other[rng.randrange(1, len(other) - 2) :].lower()
    return " ".join(words)


def _country(faker: Any) -> str:
    return str(faker.current_country()) if hasattr(faker, "current_country_code") else "USA"


def _words_of(faker: Any, locale: str, rng: random.Random) -> Iterator[Example]:
    """Harmless texts in the locale's own words."""
    table = rng.choice(("city", "country", "job", "sentence", "color_name", "catch_phrase"))
    try:
        text = str(getattr(faker, table)())
    except AttributeError:  # a locale without this table
        text = str(faker.sentence())
    yield Example(text, "none", locale)


def negatives(count: int, seed: int, firsts: Sequence[str]) -> Iterator[Example]:
    """Texts of shops, forums and settings pages that are nobody's.

    Args:
        count: how many.
        seed: fixes them.
        firsts: first names and surnames, which products are called by.
    """
    rng = random.Random(seed)
    makers = (
        _phrase,
        _phrase,
        _product,
        _product,
        _named_product,
        _named_product,
        _interface,
        _interface,
        _sentence,
        _title,
        _number,
        _number,
        _place,
        _code,
    )
    for _ in range(count):
        yield Example(rng.choice(makers)(rng, firsts), "none", "en")


def _phrase(rng: random.Random, firsts: Sequence[str]) -> str:
    words = [rng.choice(COMMON) for _ in range(rng.randrange(1, 5))]
    return " ".join(word.capitalize() for word in words) if rng.random() < 0.7 else " ".join(words).capitalize()


def _product(rng: random.Random, firsts: Sequence[str]) -> str:
    words = [*rng.sample(ADJECTIVES, rng.randrange(0, 3)), rng.choice(THINGS + GARMENTS)]
    return " ".join(words) + rng.choice(
        ("", "", "", f" {rng.randrange(2, 90)} cm", f", {rng.choice(ADJECTIVES)}", " Set", " Kit", "s")
    )


def _named_product(rng: random.Random, firsts: Sequence[str]) -> str:
    middle = rng.sample(ADJECTIVES, rng.choice((0, 1, 1, 1, 2)))
    return " ".join([rng.choice(firsts), *middle, rng.choice(GARMENTS + THINGS)]) + rng.choice(
        ("", "", "", "-XS-Black", " (Crew-neck)")
    )


def _interface(rng: random.Random, firsts: Sequence[str]) -> str:
    text = rng.choice(UI) if rng.random() < 0.6 else " ".join(rng.sample(_UI_WORDS, rng.randrange(1, 4)))
    return text + rng.choice(
        ("", "", "", "", f" ({rng.randrange(200)})", ":", " *", "...", f" {rng.randrange(1, 30)} of {rng.randrange(30, 99)}")
    )


def _sentence(rng: random.Random, firsts: Sequence[str]) -> str:
    return f"{rng.choice(SUBJECTS)} {rng.choice(VERBS)}" + rng.choice((".", ".", "!", ""))


def _title(rng: random.Random, firsts: Sequence[str]) -> str:
    return rng.choice(TITLES).format(rng.choice(ADJECTIVES).lower(), rng.choice(THINGS))


def _place(rng: random.Random, firsts: Sequence[str]) -> str:
    first = rng.choice(("The", "Old", "New", "Silver", "Golden", "North", "City", "Little", rng.choice(firsts)))
    return f"{first} {rng.choice(PLACES + THINGS)}"


def _code(rng: random.Random, firsts: Sequence[str]) -> str:
    words = [rng.choice(THINGS + _UI_WORDS).lower() for _ in range(rng.randrange(1, 4))]
    return rng.choice(("-", "_", "/")).join(words) + rng.choice(
        ("", ".py", ".js", ".md", "()", f" #{rng.randrange(900)}", "@2.1.0")
    )


def _number(rng: random.Random, firsts: Sequence[str]) -> str:
    year, month, day = rng.randrange(1990, 2030), rng.randrange(1, 13), rng.randrange(1, 29)
    return rng.choice(
        (
            f"${rng.randrange(999)}.{rng.randrange(100):02}", f"{rng.randrange(99)},{rng.randrange(100):02} €",
            f"{rng.randrange(2, 99)} {rng.choice(UNITS)}",
            f"{year}-{month:02}-{day:02}", f"{month}/{day}/{year % 100:02}", f"{day}.{month}.{year}",
            f"{MONTHS[month - 1]} {day}, {year}",
            f"{MONTHS[month - 1][:3]} {day}, {year} {rng.randrange(24)}:{rng.randrange(60):02}",
            f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}",
            f"v{rng.randrange(9)}.{rng.randrange(20)}.{rng.randrange(9)}",
f"#{rng.randrange(10**5)}", f"{rng.randrange(100)}%", f"{rng.randrange(1, 5000)}",
            f"M{rng.choice('HSTJ')}{rng.randrange(20):02}-{rng.choice(SIZES)}-{rng.choice(ADJECTIVES)}",
            f"{rng.randrange(90)}.{rng.randrange(10**5)}, {rng.randrange(180)}.{rng.randrange(10**5)}",
            f"{rng.randrange(100, 999)} x {rng.randrange(100, 999)} mm",
            f"ISBN 978-{rng.randrange(10)}-{rng.randrange(10**4)}-{rng.randrange(10**4)}-{rng.randrange(10)}",
        )
    )  # fmt: skip
