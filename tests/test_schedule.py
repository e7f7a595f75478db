"""Who plays when: shared sites are leased, the benchmark's order holds where it matters, nobody waits for ever."""

import random

import pytest

from symbiotic_gym.rollout.leases import Claim, claim_of
from symbiotic_gym.rollout.schedule import Episode, Job, Schedule

READ, WRITE = Claim(frozenset({"shop"}), writes=False), Claim(frozenset({"shop"}), writes=True)


def job(position: int, claim: Claim = READ, seed: int = 0) -> Job:
    return Job(Episode(f"webarena.{position}", seed), position, claim)


@pytest.mark.parametrize(
    ("task", "sites", "writes"),
    [
        ("webarena.0", {"shopping_admin"}, False),  # exact_match
        ("webarena.44", {"gitlab"}, False),  # url_match
        ("webarena.389", {"gitlab"}, True),  # program_html: a comment is written
        ("miniwob.click-test", set(), False),
        ("pocket.shop.nothing", set(), False),
    ],
)
def test_a_task_writes_if_its_evaluator_looks_at_the_sites_state(task: str, sites: set[str], writes: bool) -> None:
    assert claim_of(task) == Claim(frozenset(sites), writes)


def test_readers_share_and_a_writer_has_the_site_for_itself() -> None:
    schedule = Schedule([job(0), job(1), job(2, WRITE), job(3), job(4, Claim(frozenset({"forum"}), True))])
    first, second, other = schedule.take(), schedule.take(), schedule.take()
    assert first and second and other
    assert (first.position, second.position) == (0, 1)
    assert other.position == 4, "the reader that comes after the writer overtook it, or the other site was not used"
    schedule.finish(first)
    schedule.finish(second)
    writer = schedule.take()
    assert writer and writer.position == 2
    schedule.finish(writer)
    last = schedule.take()
    assert last and last.position == 3


def test_two_instances_take_two_writers() -> None:
    schedule = Schedule([job(0, WRITE), job(1, WRITE), job(2, WRITE)])
    one, two = schedule.take("one"), schedule.take("two")
    assert one and two and (one.position, two.position) == (0, 1)
    schedule.finish(two)
    three = schedule.take("two")
    assert three and three.position == 2


def test_a_pass_over_shared_sites_is_finished_before_the_next_begins() -> None:
    jobs = [
        Job(Episode(f"webarena.{number}", seed), 2 * i + seed, WRITE) for i, number in enumerate((10, 9)) for seed in (0, 1)
    ]
    schedule, order = Schedule(jobs), []
    while (taken := schedule.take()) is not None:
        order.append((taken.episode.seed, taken.episode.task))
        schedule.finish(taken)
    assert order == [(0, "webarena.9"), (0, "webarena.10"), (1, "webarena.9"), (1, "webarena.10")]


def test_what_is_put_back_is_taken_first() -> None:
    schedule = Schedule([Job(Episode("t", i), i) for i in range(3)])
    taken = schedule.take()
    assert taken
    schedule.put_back(taken)
    assert [j.position for j in (schedule.take(), schedule.take()) if j] == [0, 1]


@pytest.mark.parametrize("seed", range(20))
def test_conflicting_tasks_never_meet_and_keep_their_order(seed: int) -> None:
    """Any mix of sites, instances and speeds: all are played, and on each instance conflicting ones in order and apart."""
    rng = random.Random(seed)
    names = ["shop", "forum", "code"]
    jobs = [
        job(i, Claim(frozenset(rng.sample(names, rng.choice((1, 1, 2)))), rng.random() < 0.4))
        for i in range(rng.randint(10, 40))
    ]
    schedule, running, played = Schedule(jobs), [], []  # type: ignore[var-annotated]
    instances = ["one", "two"]
    while len(played) < len(jobs):
        instance = rng.choice(instances)
        free = schedule._first(instance)
        if free is not None and rng.random() < 0.7:
            taken = schedule.take(instance)
            assert taken is free
            for where, other in running:
                apart = not (other.claim.sites & free.claim.sites) or not (other.claim.writes or free.claim.writes)
                assert apart or where != instance
            for where, other in [*running, *played]:
                clash = other.claim.sites & free.claim.sites and (other.claim.writes or free.claim.writes)
                assert not (clash and where == instance and other.position > free.position)
            running.append((instance, free))
        elif running:
            done = running.pop(rng.randrange(len(running)))
            schedule.finish(done[1])
            played.append(done)
    assert sorted(j.position for _, j in played) == list(range(len(jobs)))
