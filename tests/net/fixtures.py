#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the documents that the network tests serve: fixtures.py KIND DIRECTORY

small   sizes around every boundary that a sender can trip over, directories, symlinks
medium  20 MiB and 100 MiB
large   1 GiB
odd     10,000 small files, among them names that URLs must quote
site    a site as browsers and nginx meet one, its files dated SITE_TIME
Every run makes the same bytes.
"""
import os
import random
import sys

BLOCK = 1 << 20
SITE_TIME = 1577882096  # Wed, 01 Jan 2020 12:34:56 GMT
SMALL_SIZES = [
    0, 1, 2, 63, 64, 65, 100, 512, 1024, 1447, 1448, 1449, 1460, 2896, 4095, 4096, 4097,
    14480, 65534, 65535, 65536, 65537, 100 * 1024, BLOCK - 1, BLOCK, BLOCK + 1, (2 << 20) - 1,
    2 << 20, (2 << 20) + 1, (5 << 20) + 12345,
]
ODD_NAMES = [
    "with space.txt", "two  spaces", " leading", "trailing ", "percent%.txt", "%41 is not A",
    "%2e%2e", "question?mark", "hash#mark", "plus+plus", "quote'single", 'quote"double',
    "amper&sand", "semi;colon", "comma,dot..dots", "...", "..a", ".hidden", "back\\slash",
    "[brackets]", "{braces}", "pipe|tilde~", "at@colon:", "equals=", "star*", "<angle>",
    "caret^tick`", "äöü ß.txt", "日本語.txt", "emoji 🦀", "combining é", "newline\nin name",
    "tab\tin name", "x" * 255, "-dash", "--help",
]
ODD_RAW_NAMES = [b"latin1 \xe4\xf6\xfc", b"\xff\xfe not UTF-8"]


def write_file(path, size, seed):
    """Random bytes; each MiB begins with its number, so that a misplaced block cannot pass."""
    block = random.Random(seed).randbytes(min(size, BLOCK))
    with open(path, "wb") as out:
        for number in range((size + BLOCK - 1) // BLOCK):
            piece = number.to_bytes(8, "big") + block[8:]
            out.write(piece[: size - number * BLOCK])


def small(root):
    for size in SMALL_SIZES:
        write_file(f"{root}/size-{size}", size, size)
    os.makedirs(f"{root}/dir/empty")
    os.makedirs(f"{root}/site")
    with open(f"{root}/site/index.html", "w") as out:
        out.write("<!doctype html><title>index</title>\n")
    with open(f"{root}/page.html", "w") as out:
        out.write("<!doctype html><title>page</title>\n")
    write_file(f"{root}/dir/inner.bin", 5000, 7)
    os.symlink("dir/inner.bin", f"{root}/link-inside")
    os.symlink("../outside-secret", f"{root}/link-outside")
    os.symlink("/etc/passwd", f"{root}/link-absolute")
    os.symlink("/etc", f"{root}/link-directory")
    os.symlink("nowhere", f"{root}/link-dangling")
    with open(f"{os.path.dirname(root)}/outside-secret", "w") as out:
        out.write("secret that must never leave\n")


def medium(root):
    write_file(f"{root}/20m.bin", 20 << 20, 20)
    write_file(f"{root}/100m.bin", 100 << 20, 100)
    write_file(f"{root}/1k.bin", 1024, 1)


def large(root):
    write_file(f"{root}/1g.bin", 1 << 30, 1)
    write_file(f"{root}/200m.bin", 200 << 20, 2)


def odd(root):
    names = [os.fsencode(name) for name in ODD_NAMES] + ODD_RAW_NAMES
    depth = random.Random(3)
    for number in range(10000 - len(names)):
        folder = f"{root}/d{number % 37}/e{number % 11}"
        os.makedirs(folder, exist_ok=True)
        write_file(f"{folder}/file-{number:05}", depth.randrange(0, 9000), number)
    for number, name in enumerate(names):
        with open(os.fsencode(root) + b"/" + name, "wb") as out:
            out.write(b"%d: %s\n" % (number, name))
    os.makedirs(f"{root}/dir with space/ü %20")
    write_file(f"{root}/dir with space/ü %20/file?.txt", 3000, 99)


# The smallest of PNGs: one pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082")
SITE_TEXTS = {
    "index.html": "<!doctype html><title>front</title>\n",
    "page.html": "<!doctype html><title>page</title>" + "<p>text</p>\n" * 100,
    "style.css": "body { margin: 0 }\n",
    "script.js": "document.title = 'scripted';\n",
    "data.json": '{"a": 1}\n',
    "feed.xml": "<?xml version='1.0'?><feed/>\n",
    "image.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>\n",
    "noextension": "no extension\n",
    "unknown.qqq": "an extension that nobody knows\n",
    "UPPER.HTML": "<!doctype html><title>upper</title>\n",
    "one.txt": "1",
    "empty.txt": "",
    ".hidden": "hidden\n",
    "dir/index.html": "<!doctype html><title>dir</title>\n",
    "dir/inner.txt": "inner\n",
    "noindex/file.txt": "file\n",
    "deep/a/b/c/file.txt": "deep\n",
    "with space/a b.txt": "space\n",
    "plus+sign.txt": "plus\n",
    "semi;colon.txt": "semicolon\n",
    "100%.txt": "percent\n",
    "%41.txt": "quoted percent\n",
    "back\\slash.txt": "backslash\n",
    "gr\u00fc\u00dfe.txt": "UTF-8\n",
    "...": "three dots\n",
}


def site(root):
    for name, text in SITE_TEXTS.items():
        os.makedirs(os.path.dirname(f"{root}/{name}"), exist_ok=True)
        with open(f"{root}/{name}", "w") as out:
            out.write(text)
    write_file(f"{root}/big.bin", 300000, 4)
    write_file(f"{root}/archive.tar.gz", 5000, 5)
    with open(f"{root}/image.png", "wb") as out:
        out.write(PIXEL)
    os.symlink("page.html", f"{root}/link-inside")
    os.symlink("dir", f"{root}/link-directory")
    os.symlink("../outside-secret", f"{root}/link-outside")
    with open(f"{os.path.dirname(root)}/outside-secret", "w") as out:
        out.write("secret that must never leave\n")
    for folder, _, names in os.walk(root):
        for name in names:
            os.utime(os.path.join(folder, name), (SITE_TIME, SITE_TIME), follow_symlinks=False)


def main():
    kinds = {"small": small, "medium": medium, "large": large, "odd": odd, "site": site}
    if len(sys.argv) != 3 or sys.argv[1] not in kinds:
        sys.exit(__doc__)
    os.makedirs(sys.argv[2])
    kinds[sys.argv[1]](sys.argv[2])


main()
