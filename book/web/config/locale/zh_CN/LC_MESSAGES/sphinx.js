// What Sphinx's search says, in the book's own Chinese. Not by its addTranslations(),
// which makes a function out of a string: the pages' policy forbids that.
Documentation.TRANSLATIONS = {
  ", in ": "，见 ",
  "Did you mean:": "你要找的是不是：",
  "Hide Search Matches": "取消高亮",
  "Preparing search...": "正在准备搜索……",
  "Results: ${count}": "找到 ${count} 处。",
  "Search": "搜索",
  "Search Results": "搜索结果",
  "Searching": "正在搜索",
  "Search finished, found ${resultCount} page(s) matching the search query.":
    "找到 ${resultCount} 处。",
  "Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories.":
    "没有找到。换一个词，或者少写几个字再试试。",
};
