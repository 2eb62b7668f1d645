"""The overview as text for a terminal."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from factory.audit.format import drawn
from factory.audit.overview import Overview
from factory.text.reasons import sentence
from factory.text.visible import escape_hidden

TITLES = {
    "store": "In the store",
    "plan": "The latest run",
    "yield": "What passed each check",
    "reasons": "Most frequent reasons for a rejection",
    "oddities": "Worth a look, and how",
}


def overview_text(overview: Overview, width: int) -> str:
    """Return the overview in so many terminal cells; nothing in it can drive the terminal."""
    parts: list[RenderableType] = []
    for section, title in TITLES.items():
        lines = [line for line in overview.lines if line.section == section]
        if not lines:
            continue
        grid = Table.grid(padding=(0, 2, 0, 0))
        if section == "oddities":
            for line in lines:
                grid.add_row(Text(escape_hidden(line.note)))
                grid.add_row(Padding(Text(escape_hidden(line.statement)), (0, 0, 0, 4)))
        else:
            for justify in ("left", "right", "right", "left"):
                grid.add_column(justify=justify, overflow="fold")
            for line in lines:
                share = "" if line.share is None else f"{line.share:.1%}"
                note = f"{line.note}: {sentence(line.item)}" if section == "reasons" else line.note
                grid.add_row(
                    *map(Text, (escape_hidden(line.item), f"{line.count:,}", share, escape_hidden(note)))
                )
        parts += [Text(title), Padding(grid, (0, 0, 1, 2))]
    views = Table.grid(padding=(0, 2, 0, 0))
    for name, shows in overview.views:
        views.add_row(Text(escape_hidden(name)), Text(escape_hidden(shows)))
    return drawn(Group(*parts, Text("Views"), Padding(views, (0, 0, 0, 2))), width)
