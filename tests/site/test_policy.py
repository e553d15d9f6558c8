"""The policy of every page: what it allows, and that the browser keeps to it.

Each check takes a site folder and returns what is wrong with it, so that it can be run
twice: on the site, which must be clean, and on a page with a fault planted in it, which
must not pass. That reading a page needs no more stands in test_reading.py.
"""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from languages import LANGUAGES
from policy import protect
from reader import watch_policy
from website import parse

POLICY = 'meta[http-equiv="Content-Security-Policy"]'
NEEDED = {"default-src", "script-src", "object-src", "base-uri", "form-action"}
HASH = re.compile(r"'sha256-[\w+/]{43}='")
INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


def directives(page: BeautifulSoup) -> dict[str, list[str]]:
    """What each directive of a page's policies allows."""
    texts = [
        directive
        for tag in page.select(POLICY)
        for directive in tag["content"].split(";")
    ]
    return {words[0]: words[1:] for words in map(str.split, texts)}


def misplaced(site: Path) -> list[str]:
    """Pages without exactly one policy, in the head and before all that it rules."""
    wrong = []
    for path in site.rglob("*.html"):
        found = parse(path).select(POLICY)
        ruled = ["script", "style", "link", "img", "body"]
        if len(found) != 1 or found[0].find_all_previous(ruled):
            wrong.append(f"{path}: {found}")
    return wrong


def loose(site: Path) -> list[str]:
    """Policies that allow more than the site's own files and known lines."""
    nothing = {"'none'"}
    allowed = {
        "object-src": nothing,
        "base-uri": nothing,
        "img-src": {"'self'", "data:"},
    }
    wrong = []
    for path in site.rglob("*.html"):
        policy = directives(parse(path))
        wrong += [f"{path}: no {name}" for name in NEEDED - policy.keys()]
        for name, sources in policy.items():
            foreign = {s for s in sources if not HASH.fullmatch(s)}
            foreign -= allowed.get(name, {"'self'", "'none'"})
            wrong += [f"{path}: {name} {source}" for source in foreign]
    return wrong


def wrong_hashes(site: Path) -> list[str]:
    """Inline scripts that the policy does not name, and names of none on the page."""
    wrong = []
    for path in site.rglob("*.html"):
        scripts = INLINE.findall(path.read_text(encoding="utf-8"))
        digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
        there = {f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests}
        named = set(filter(HASH.fullmatch, directives(parse(path))["script-src"]))
        wrong += [f"{path}: {source}" for source in there ^ named]
    return wrong


def handlers(site: Path) -> list[str]:
    """Scripts in attributes: onclick="…", href="javascript:…"."""
    return [
        f"{path}: {name}={value}"
        for path in site.rglob("*.html")
        for tag in parse(path).find_all()
        for name, value in tag.attrs.items()
        if name.startswith("on") or re.match(r"\s*javascript:", str(value), re.I)
    ]


CHECKS = (misplaced, loose, wrong_hashes, handlers)
META = r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>"
# What to look for in a page, and what to put there.
FAULTS = {
    "no policy": (misplaced, META, ""),
    "two policies": (misplaced, META, r"\g<0>\g<0>"),
    "a late policy": (misplaced, f"({META})((?s:.*?)</script>)", r"\2\1"),
    "any inline script": (loose, "script-src", r"\g<0> 'unsafe-inline'"),
    "eval": (loose, "script-src", r"\g<0> 'unsafe-eval'"),
    "WebAssembly": (loose, "script-src", r"\g<0> 'wasm-unsafe-eval'"),
    "any server": (loose, "script-src 'self'", "script-src *"),
    "another server's pictures": (loose, "data:", "https:"),
    "any plug-in": (loose, "object-src", "media-src"),
    "plug-ins of its own": (loose, "object-src 'none'", "object-src 'self'"),
    "any inline style": (loose, "style-src", r"\g<0> 'unsafe-inline'"),
    "a changed script": (wrong_hashes, "</script>", r" \g<0>"),
    "one script more": (wrong_hashes, "</body>", r"<script>1</script>\g<0>"),
    "one hash more": (wrong_hashes, "script-src", rf"\g<0> 'sha256-{'0' * 43}='"),
    "a handler": (handlers, "<h1", r'\g<0> onclick="1"'),
    "a script as link": (handlers, 'href="#"', 'href="JavaScript:void 0"'),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_site_is_clean(site, check):
    assert check(site) == []


@pytest.mark.parametrize("name", FAULTS)
def test_check_sees_a_planted_fault(site, name, tmp_path):
    check, old, new = FAULTS[name]
    html = (site / "en/search.html").read_text(encoding="utf-8")
    (tmp_path / "search.html").write_text(html, encoding="utf-8")
    assert check(tmp_path) == []
    html, count = re.subn(old, new, html, count=1)
    assert count, f"nothing to damage: {old}"
    (tmp_path / "search.html").write_text(html, encoding="utf-8")
    assert check(tmp_path) != []


def test_a_script_that_a_notebook_printed_is_not_allowed(tmp_path):
    page = tmp_path / "page.html"
    html = '<meta charset="utf-8"><script>1</script><article>{}</article>'
    for printed, wrong in (("", 0), ("<script>2</script>", 1)):
        page.write_text(html.format(printed))
        protect(tmp_path)
        assert len(wrong_hashes(tmp_path)) == wrong


def test_a_page_with_no_place_for_its_policy_is_not_published(tmp_path):
    (tmp_path / "page.html").write_text("<p>No head</p>")
    with pytest.raises(ValueError, match="page.html needs <meta charset"):
        protect(tmp_path)


# ---------- in the browser ----------

# Each makes the title "planted", where it runs.
SCRIPT = "document.title = 'planted'"
INTRUDERS = {
    "an inline script": f"<script>{SCRIPT}</script>",
    "a handler": f'<img src="data:," alt="" onerror="{SCRIPT}">',
    "another server's script": '<script src="http://a.example/x.js"></script>',
    "another base": '<base href="http://a.example/"><script src="x.js"></script>',
    "a frame": f'<iframe srcdoc="<script>parent.{SCRIPT}</script>"></iframe>',
    "an address": f'<iframe src="javascript:void (parent.{SCRIPT})"></iframe>',
}


@pytest.mark.parametrize("name", INTRUDERS)
@pytest.mark.parametrize("bypass_csp", [False, True], ids=["policy", "no policy"])
def test_what_is_planted_runs_only_without_the_policy(
    browser, site, served, name, bypass_csp
):
    html = (site / "en/glossary.html").read_text(encoding="utf-8")
    planted = html.replace("</article>", f"{INTRUDERS[name]}</article>")
    page = browser.new_page(bypass_csp=bypass_csp)
    stopped = watch_policy(page)
    page.route(
        "**/glossary.html",
        lambda route: route.fulfill(body=planted, content_type="text/html"),
    )
    page.route("http://a.example/**", lambda route: route.fulfill(body=SCRIPT))
    page.goto(f"{served}/en/glossary.html", wait_until="networkidle")
    assert (page.title() == "planted") == bypass_csp
    assert bool(stopped) != bypass_csp
    page.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_pages_lead_on_under_their_policies(browser, served, language):
    context = browser.new_context(locale=LANGUAGES[language].tag)
    page = context.new_page()
    stopped = watch_policy(page)
    page.goto(served)
    page.wait_for_url(f"{served}/{language}/00_welcome.html")
    assert stopped == []
    context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_opened_as_files_work_under_their_policies(browser, site, language):
    """There 'self' means files: styles, formulas, the theme switch and search work."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    stopped = watch_policy(page)
    page.goto((site / language / "03_loss.html").as_uri())
    page.locator("math").first.wait_for()
    page.locator(".theme-switch-button").first.click()
    page.locator("html[data-theme='dark']").wait_for()
    page.keyboard.press("Control+k")
    page.keyboard.type("PSNR")
    page.keyboard.press("Enter")
    page.locator("ul.search a").first.wait_for()
    assert stopped == []
    context.close()
