"""The whole book as one file to carry: build/offline/NAME.zip (make offline).

In it lie the site, whose notebooks and library (with data and weights) are those of
this state; the EPUBs and PDFs, if they were made; what shows the site without
a network; and a page that says what there is. Nothing of it needs a network.
"""

import argparse
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import serving
from languages import LANGUAGES
from sources import BUILD, COPIES, ROOT, WEB

from unetlib import __version__

NAME = f"unet-book-{__version__}"
OFFLINE = BUILD / "offline" / f"{NAME}.zip"


def contents(site: Path, copies: Path) -> dict[str, Path]:
    """{name in the zip: file}, all in one folder."""
    found = {f"site/{f.relative_to(site)}": f for f in files(site)}
    found |= {f"site/copies/{f.name}": f for f in files(copies)}
    found |= {"serve.py": Path(serving.__file__)}
    for code in LANGUAGES:
        found[f"README.{code}.txt"] = WEB / "copies" / f"README.{code}.txt"
    return {f"{NAME}/{Path(name).as_posix()}": file for name, file in found.items()}


def files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.rglob("*") if f.is_file())


def pack(site: Path, out: Path, copies: Path = COPIES) -> Path:
    """Write the zip; returns it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(out, "w", ZIP_DEFLATED, compresslevel=9) as packed:
        for name, file in contents(site, copies).items():
            packed.write(file, name)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--site", type=Path, default=ROOT / "site")
    out = pack(parser.parse_args().site, OFFLINE)
    print(f"{out}: {out.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
