"""`report.html`: a run's curves and tables in one file that needs nothing else, for who would rather look than read."""

import io
from importlib import resources
from pathlib import Path
from typing import Any

from symbiotic_gym.store import read_json
from symbiotic_gym.trainers.summary import Summary, cell_text, interval_text, rate_text

__all__ = ["write_report"]


def write_report(run: Path) -> Path:
    """Write `report.html` into a run folder from its `run.json` and `summary.json`.

    Returns:
        The report's path.

    Raises:
        StoreError: the folder has no such files.
    """
    from jinja2 import Environment, select_autoescape

    summary, about = read_json(run / "summary.json"), read_json(run / "run.json")
    template = resources.files("symbiotic_gym.trainers").joinpath("report.html").read_text("utf-8")
    page = Environment(autoescape=select_autoescape(default=True)).from_string(template)
    target = run / "report.html"
    target.write_text(
        page.render(
            summary=summary,
            about=about,
            success=_success_curve(summary),
            tasks=_task_bars(summary),
            training=_training_bars(summary),
            cell=cell_text,
            rate=rate_text,
            interval=interval_text,
            scripted=summary["large"] == "scripted expert",
            total=sum(summary["seconds"].values()),
        ),
        "utf-8",
    )
    return target


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # no display, and no global state to disturb a notebook's
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Any) -> str:
    from markupsafe import Markup

    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return Markup(text[text.index("<svg") :])


def _success_curve(summary: Summary) -> str:
    figure, axes = _figure(6.4, 3.4)
    for model, colour in (("small", "#1f6f5c"), ("large", "#7a4fa3")):
        rows = sorted((r for r in summary["evaluation"] if r["model"] == model and r["n"]), key=lambda r: r["iteration"])
        if not rows:
            continue
        x, y = [r["iteration"] for r in rows], [100 * r["success"] for r in rows]
        spread = [[100 * (r["success"] - r["low"]) for r in rows], [100 * (r["high"] - r["success"]) for r in rows]]
        axes.errorbar(x, y, yerr=spread, color=colour, marker="o", capsize=4, label=f"{model} model")
        if len(rows) == 1:
            axes.axhline(y[0], color=colour, linestyle=":", linewidth=1)
    if rows := [r for r in summary["acceptance"] if r["n"]]:
        axes.plot(
            [r["iteration"] for r in rows],
            [100 * r["success"] for r in rows],
            color="#b07d2b",
            marker="s",
            linestyle="--",
            label="proposals accepted",
        )
    axes.set(ylim=(-3, 103), xlabel="iteration (0: before)", ylabel="%")
    axes.xaxis.get_major_locator().set_params(integer=True)
    if axes.has_data():
        axes.legend(frameon=False, loc="lower right")
    return _svg(figure)


def _task_bars(summary: Summary) -> str:
    rows = sorted((r for r in summary["evaluation"] if r["model"] == "small"), key=lambda r: r["iteration"])
    tasks = summary["tasks"]
    figure, axes = _figure(6.4, 0.6 + 0.34 * len(tasks))
    thickness = 0.8 / max(1, len(rows))
    for i, row in enumerate(rows):
        shade = str(0.8 - 0.55 * i / max(1, len(rows) - 1)) if i < len(rows) - 1 else "#1f6f5c"
        values = [100 * row["per_task"].get(task, {"success": 0})["success"] for task in tasks]
        label = "before" if row["iteration"] == 0 else f"after iteration {row['iteration']}"
        axes.barh(
            [k + (i - (len(rows) - 1) / 2) * thickness for k in range(len(tasks))], values, thickness, color=shade, label=label
        )
    axes.set_yticks(range(len(tasks)), tasks, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlim=(0, 100), xlabel="small model's success, %")
    axes.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return _svg(figure)


def _training_bars(summary: Summary) -> str:
    """Where the wall-clock time went."""
    seconds = sorted(summary["seconds"].items())
    figure, axes = _figure(6.4, 0.6 + 0.24 * len(seconds))
    axes.barh([name for name, _ in seconds], [value for _, value in seconds], color="#5b7186")
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=8)
    axes.set(xlabel="seconds")
    return _svg(figure)
