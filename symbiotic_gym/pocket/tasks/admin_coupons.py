"""Coupons in the back office: switching them on and off, and making new ones."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class SwitchCoupon(Template):
    """One button of the right row."""

    site, name, level, split, start = "admin", "switch-coupon", 1, "train", "/coupons"
    wordings = (
        "Switch the coupon {code} off.",
        "End the coupon {code} for now.",
        "The coupon {code} should not work any more: switch it off.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(["WELCOME10", "SPRING15", "BULK20"], 2)
        return Instance(
            params={"code": wanted},
            effect=[("UPDATE shop_coupons SET active = 0 WHERE code = ?", (wanted,))],
            near={"code": other},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.row(p["code"]).page.click("Switch off", f"This is in the row of {p['code']}.", "button")
        yield done("The coupon is off.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def on_again(page: Page, p: Params) -> Play:
            page = yield page.row(p["code"]).page.click("Switch off", "This is in its row.", "button")
            yield page.row(p["code"]).page.click("Switch on", "This is in its row.", "button")
            yield done("The coupon is off.")

        return {"another coupon": misheard(self.oracle, code=instance.near["code"]), "on again": on_again}


class MakeCoupon(Template):
    """A form of three fields."""

    site, name, level, split = "admin", "make-coupon", 3, "train"
    wordings = (
        "Make a coupon {code} that gives {percent} % off orders from ${least} on.",
        "Customers shall get {percent} % off with the code {code} when they order for ${least} or more. Make that coupon.",
        "Create the coupon {code}: {percent} %, smallest order ${least}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        code = rng.choice(["AUTUMN", "THANKS", "GARDEN", "HELLO", "NIGHT"]) + str(rng.randrange(10, 99))
        percent, least = rng.randrange(1, 9) * 5, rng.randrange(2, 20) * 5
        return Instance(
            params={"code": code, "percent": str(percent), "least": str(least)},
            effect=[
                ("INSERT INTO shop_coupons (code, percent, least, active) VALUES (?, ?, ?, 1)", (code, percent, least * 100))
            ],
            near={"percent": str(percent + 5), "least": "0"},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Coupons", "Coupons are made there.", "link")
        page = yield page.click("Make a coupon", "A new one is wanted.", "link")
        page = yield page.fill("Code", p["code"], "The goal gives the code.")
        page = yield page.fill("Percent", p["percent"], f"It gives {p['percent']} % off.")
        page = yield page.fill("Smallest order ($)", p["least"], f"It is for orders from ${p['least']} on.")
        yield page.click("Make coupon", "The form is filled.", "button")
        yield done("The coupon is made.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another discount": misheard(self.oracle, percent=instance.near["percent"]),
            "for any order": misheard(self.oracle, least=instance.near["least"]),
            "not made": half_done(self.oracle, "Make coupon"),
        }


TEMPLATES = (
    SwitchCoupon(),
    MakeCoupon(),
)
