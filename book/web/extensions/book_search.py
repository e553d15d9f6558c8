"""Chinese search that finds words and phrases.

Sphinx cuts a page into words with jieba, but leaves the reader's query in one piece,
so 卷积自编码器 finds nothing. Here the browser cuts the query too: at each place it
takes the longest word that the index knows.
"""

from pathlib import Path

from sphinx.search.zh import SearchChinese

SPLITTER = """
function splitQuery(query) {
  // For everything but Chinese, the rule that Sphinx has for all languages.
  const pieces = query.split(/[^\\p{Letter}\\p{Number}_]+/u).filter(Boolean);
  const known = (word) =>
    Object.hasOwn(Search._index.terms, word) ||
    Object.hasOwn(Search._index.titleterms, word);
  const words = [];
  let unknown = "", missing = false;
  // Hardly any single character is in the index, so one that no word covers, such as
  // 的, is let go. Two in a row are a word that the book lacks: it must be missed.
  const flush = () => {
    if (unknown.length > 1) missing = true;
    unknown = "";
  };
  const runs = /\\p{Script=Han}+|[^\\p{Script=Han}]+/gu;
  for (const run of pieces.flatMap((piece) => piece.match(runs))) {
    if (!/\\p{Script=Han}/u.test(run)) {
      words.push(run);
      continue;
    }
    for (let at = 0; at < run.length; ) {
      let end = run.length;
      while (end > at && !known(run.slice(at, end))) end--;
      if (end > at) {
        flush();
        words.push(run.slice(at, end));
        at = end;
      } else unknown += run[at++];
    }
    flush();
  }
  return missing ? [query] : words;
}
"""


class BookSearchChinese(SearchChinese):
    """Sphinx's Chinese index, with a query that is cut the same way."""

    js_splitter_code = SPLITTER

    def init(self, options: dict[str, str]) -> None:
        super().init(options)
        self.terms = Path(options["dict"]).read_text(encoding="utf-8").split()

    def split(self, input: str) -> list[str]:
        # However jieba cuts a sentence, the glossary's terms in it are found.
        return super().split(input) + [term for term in self.terms if term in input]

    def word_filter(self, stemmed_word: str) -> bool:
        return super().word_filter(stemmed_word) or stemmed_word in self.terms  # 轮


def setup(app):
    app.add_search_language(BookSearchChinese)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
