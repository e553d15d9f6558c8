"""Makes `## <a id="noise-model"></a>噪声模型` give the section THE id `noise-model`.

A Chinese heading has no usable id of its own, and an English one has another: the
language switch, links between chapters and the table of contents need one that both
languages share. The raw HTML itself works on GitHub and Colab; here it goes away.
"""

import re

from docutils import nodes
from docutils.transforms import Transform
from myst_parser.mdit_to_docutils.base import clean_astext

ANCHOR = re.compile(r'<a id="([\w-]+)">')


class BookAnchors(Transform):
    """Turn each `<a id>` into an id of the section, or of the element, around it."""

    default_priority = 400  # before myst-parser resolves links like [text](#id), at 879

    def apply(self, **kwargs) -> None:
        env = self.document.settings.env
        slugs = self.document.myst_slugs = getattr(self.document, "myst_slugs", {})
        for raw in list(self.document.findall(nodes.raw)):
            match = ANCHOR.fullmatch(raw.astext())
            if match is None:
                continue
            parent, anchor = raw.parent, match[1]
            closing = parent[parent.index(raw) + 1]
            if closing.astext() == "</a>":
                parent.remove(closing)
            parent.remove(raw)
            target = parent.parent if isinstance(parent, nodes.title) else parent
            target["ids"] = [anchor]
            self.document.ids[anchor] = target
            # What myst-parser reads to resolve [text](#id) and [text](page#id).
            slugs[anchor] = (raw.line, anchor, clean_astext(parent).strip())
        env.metadata[env.docname]["myst_slugs"] = slugs


def setup(app):
    app.add_transform(BookAnchors)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
