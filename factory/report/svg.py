"""From a matplotlib figure to SVG that lives inside an HTML page: themed by the page, named for screen
readers, the same bytes each time.

Promise: every colour becomes a CSS variable of `THEME`, so one drawing serves light and dark; ids carry the
figure's key and cannot meet those of another figure; no metadata, no date, no style sheet, no address. Text
stays text in the page's own font. Not promised: the same bytes from another version of matplotlib.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from factory.report.theme import THEME

_VARIABLES = {light: f"var(--{name})" for name, (light, _) in THEME.items()}
_STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 10,
    "text.color": THEME["ink"][0],
    "axes.edgecolor": THEME["rule"][0],
    "axes.labelcolor": THEME["muted"][0],
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": THEME["rule"][0],
    "grid.linewidth": 0.6,
    "xtick.color": THEME["rule"][0],
    "ytick.color": THEME["rule"][0],
    "xtick.labelcolor": THEME["muted"][0],
    "ytick.labelcolor": THEME["muted"][0],
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}


class Canvas:
    """An empty figure of `width` by `height` points, with corners counted from the top left, as in SVG."""

    def __init__(self, width: float, height: float):
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / 72, height / 72))

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Return axes over a rectangle given in points."""
        bottom = self.height - top - height
        return self.figure.add_axes(
            (left / self.width, bottom / self.height, width / self.width, height / self.height)
        )

    def text(
        self,
        x: float,
        y: float,
        words: str,
        colour: str = "ink",
        right: bool = False,
        weight: str = "normal",
        size: float = 10,
    ) -> None:
        """Write `words` on the baseline at a point; `right` ends them there instead of beginning them."""
        place = (x / self.width, 1 - y / self.height)
        self.figure.text(
            *place,
            words,
            color=light(colour),
            ha="right" if right else "left",
            va="baseline",
            weight=weight,
            size=size,
        )

    def to_svg(self, key: str, title: str, description: str) -> Markup:
        """Return the figure as an `<svg>` element; `key` prefixes its ids, `description` tells its data in
        words."""
        buffer = io.StringIO()
        with matplotlib.rc_context({"svg.hashsalt": key, "svg.fonttype": "none"}), warnings.catch_warnings():
            # The reader's browser draws the text: that matplotlib's font lacks a script means nothing.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            self.figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
        root = ElementTree.fromstring(buffer.getvalue())
        _strip(root)
        for element in root.iter():
            _adopt(element, key)
        root.attrib = {
            "viewBox": root.attrib["viewBox"],
            "role": "img",
            "aria-labelledby": f"{key}-title {key}-words",
        }
        for place, (tag, words) in enumerate((("title", title), ("desc", description))):
            label = ElementTree.Element(tag, {"id": f"{key}-{'title' if tag == 'title' else 'words'}"})
            label.text = words
            root.insert(place, label)
        return Markup(ElementTree.tostring(root, encoding="unicode", short_empty_elements=False))


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in the report's style whatever the person's own matplotlib settings are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def light(name: str) -> str:
    """The light colour of a theme name: what to draw with, and what `to_svg` turns into a variable."""
    return THEME[name][0]


def _strip(root: ElementTree.Element) -> None:
    """Remove the metadata, and the style sheet that would reach the whole page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)


def _adopt(element: ElementTree.Element, key: str) -> None:
    """Bring one element under the page's rules: no namespaces (HTML knows them), our ids, our colours, the
    page's font."""
    element.tag = element.tag.rpartition("}")[2]
    element.attrib = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    for name, value in element.attrib.items():
        if name == "id":
            element.attrib[name] = f"{key}-{value}"
        elif name == "href":
            element.attrib[name] = f"#{key}-{value[1:]}"
        elif name == "clip-path":
            element.attrib[name] = value.replace("url(#", f"url(#{key}-")
        elif name == "style":
            style = re.sub(r"font-family:[^;]*;?\s*", "", value)
            element.attrib[name] = re.sub(r"#[0-9a-f]{6}", lambda found: _VARIABLES[found.group()], style)
