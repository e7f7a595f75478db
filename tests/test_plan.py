"""The plan tree by itself: what branch and prune do to the nodes, the steps and the lines that are shown."""

from symbiotic_gym.agents.plan import PlanTree


def planned() -> PlanTree:
    plan = PlanTree("Buy a kettle", "http://shop/")
    plan.note("search")
    assert plan.branch(0, "Find the cheapest", "http://shop/kettles") == ""
    plan.note("sort")
    plan.note("open")
    assert plan.branch(1, "Compare two", "http://shop/compare") == ""
    plan.note("read")
    return plan


def test_a_step_belongs_to_the_active_node_and_only_its_steps_are_shown() -> None:
    plan = planned()
    assert plan.history(100) == ["- read"]
    assert plan.lines() == [
        "- 0: Buy a kettle (1 step done, last search)",
        "  - 1: Find the cheapest (2 steps done, last open)",
        "    > 2: Compare two",
    ]


def test_a_branch_below_an_earlier_node_leaves_the_active_one() -> None:
    plan = planned()
    plan.branch(0, "Pay", "http://shop/cart")
    assert plan.history(100) == []
    assert plan.lines()[-1] == "  > 3: Pay"
    assert "    - 2: Compare two (1 step done, last read)" in plan.lines()


def test_prune_drops_what_came_of_a_node_and_keeps_why() -> None:
    plan = planned()
    plan.branch(0, "Pay", "http://shop/cart")
    assert plan.prune(1, "all  are\nsold out") == ""
    assert plan.active.url == "http://shop/kettles"
    assert plan.history(100) == []
    assert plan.lines() == [
        "- 0: Buy a kettle (1 step done, last search)",
        "  > 1: Find the cheapest (tried before, dropped: all are sold out)",
    ]
    plan.note("again")
    plan.prune(1, "no luck")
    assert plan.lines()[-1].endswith("(tried before, dropped: all are sold out) (tried before, dropped: no luck)")


def test_a_pruned_number_is_not_given_again() -> None:
    plan = planned()
    plan.prune(0, "wrong shop")
    plan.branch(0, "Another way", "")
    assert plan.lines()[-1] == "  > 3: Another way"


def test_what_makes_no_sense_is_refused_and_changes_nothing() -> None:
    plan = planned()
    before = plan.lines()
    assert "no node 9" in plan.branch(9, "x", "")
    assert "no node 9" in plan.prune(9, "x")
    assert "in the plan already" in plan.branch(0, "find the CHEAPEST", "")
    assert "in the plan already" in plan.branch(2, "  ", "")
    assert plan.lines() == before
    assert "Nothing has been done" in PlanTree("g").prune(0, "x")


def test_a_plan_cannot_grow_without_end() -> None:
    plan = PlanTree("g")
    refused = [plan.branch(0, f"part {i}", "") for i in range(60)]
    assert refused[0] == ""
    assert "long enough" in refused[-1]
    assert len(plan.lines()) == 40
