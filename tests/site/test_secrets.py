"""No file of the site holds a key, a password or a path of who built it."""

import re
from pathlib import Path

import pytest

SECRET = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY"
    rb"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # Amazon
    rb"|\bgh[opsur]_\w{36}|\bgithub_pat_\w{22}"
    rb"|\bhf_[A-Za-z]{34}|\bsk-[\w-]{32}|\bxox[abprs]-\w{10}"  # models, chats
    rb"|://[^/\s:@\"'`]+:[^/\s:@\"'`]+@"  # name:password@host
    # web_user lives in WebAssembly's own file system.
    rb"|(?<![\w.])/(?:home(?!/web_user\b)|root|work|Users)/\w"
    rb"|[A-Za-z]:\\+Users\\"
)
# In two pieces, so that no one who looks for secrets finds them here.
PLANTED = {
    "a private key": ("-----BEGIN RSA ", "PRIVATE KEY-----"),
    "Amazon's key": ("AK", "IA" + "A0" * 8),
    "GitHub's token": ("gh", "p_" + "a0" * 18),
    "GitHub's new token": ("github", "_pat_" + "a0" * 11),
    "Hugging Face's token": ("h", "f_" + "aB" * 17),
    "a model's key": ("s", "k-proj-" + "a0" * 16),
    "Slack's token": ("xo", "xb-" + "0" * 12),
    "a password": ("https://me:", "word@a.example/"),
    "a home folder": ("'/ho", "me/me/a.py'"),
    "a Mac's folder": ("file:///Us", "ers/me/"),
    "a Windows folder": (r"C:\Us", r"ers\me"),
    "its JSON": (r"C:\\Us", r"ers\\me"),
    "root's folder": ("File &quot;/ro", "ot/a.py"),
}


def secrets(site: Path) -> list[str]:
    """Files of any kind, and what they tell."""
    return [
        f"{path}: {match[0].decode()}"
        for path in sorted(site.rglob("*"))
        if path.is_file()
        for match in SECRET.finditer(path.read_bytes())
    ]


def test_site_holds_no_secret(site):
    assert secrets(site) == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_secret_is_seen(tmp_path, name):
    (tmp_path / "page.html").write_text(f"<p>It is {''.join(PLANTED[name])}</p>")
    assert secrets(tmp_path) != []
