"""The objects of a PDF linked and packed together, as PDF 1.5 and later allow: half of the bytes.

Typst writes each of the many thousand small objects that make a PDF accessible by itself and in
plain text. A tagged report is more structure than ink.
"""

import re
import zlib

OBJECTS_IN_A_STREAM = 200  # a reader unpacks a whole stream to see one of its objects
TRAILER = re.compile(rb"trailer\s*<<(.*?)>>\s*startxref\s*(\d+)\s*%%EOF\s*$", re.DOTALL)
OBJECT = re.compile(rb"\d+ 0 obj\s(.*)\sendobj\s*$", re.DOTALL)
STREAM = re.compile(rb"(<<.*?/Length )(\d+)(.*?>>\s*stream\r?\n)(.*)\r?\nendstream$", re.DOTALL)

ANNOTATIONS = re.compile(rb"/Annots\[(.*?)\]")
RECTANGLE = re.compile(rb"/Rect\[(.*?)\]")
HERE = re.compile(rb"/URI\(here:(.*?)\)")
LINK = re.compile(rb"/A<</Type/Action/S/URI/URI\((?:here|to):(.*?)\)>>")
SAID = re.compile(rb"/Contents\((?:here|to):.*?\)")


def packed(pdf: bytes) -> bytes:
    """Return *pdf*, with a plain table of objects, in less room."""
    trailer = TRAILER.search(pdf)
    if not trailer:
        msg = "this PDF has no plain table of objects"
        raise ValueError(msg)
    table = int(trailer[2])
    bodies = _linked(_bodies(pdf, table))
    small = [number for number, body in bodies.items() if not body.endswith(b"endstream")]
    out = bytearray(pdf[: pdf.index(b"\n", 9) + 1])  # the version, and bytes that are no text
    places: dict[int, tuple[int, int, int]] = {}
    for number, body in bodies.items():
        if body.endswith(b"endstream"):
            places[number] = (1, len(out), 0)
            out += _object(number, _safe(body))
    size = max(bodies) + 1
    for first in range(0, len(small), OBJECTS_IN_A_STREAM):
        members = small[first : first + OBJECTS_IN_A_STREAM]
        places |= {number: (2, size, index) for index, number in enumerate(members)}
        places[size] = (1, len(out), 0)
        out += _object(size, _bundle([(number, bodies[number]) for number in members]))
        size += 1
    start = len(out)
    places[size] = (1, start, 0)
    rows = b"".join(
        kind.to_bytes(1, "big") + place.to_bytes(4, "big") + index.to_bytes(2, "big")
        for kind, place, index in (places.get(number, (0, 0, 0)) for number in range(size + 1))
    )
    known = re.sub(rb"/Size \d+", b"", trailer[1])
    out += _object(size, _stream(b"/Type/XRef/Size %d/W[1 4 2]%s" % (size + 1, known), rows))
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def _bodies(pdf: bytes, table: int) -> dict[int, bytes]:
    """Return the objects of *pdf* by their numbers, as its table at *table* places them."""
    lines = pdf[table:].split(b"trailer")[0].split(b"\n")[2:]
    starts = {number: int(line[:10]) for number, line in enumerate(lines) if line[17:18] == b"n"}
    ends = dict(zip(sorted(starts.values()), [*sorted(starts.values())[1:], table], strict=True))
    found = {n: OBJECT.match(pdf, start, ends[start]) for n, start in starts.items()}
    return {number: match[1] for number, match in found.items() if match}


def _linked(bodies: dict[int, bytes]) -> dict[int, bytes]:
    """Return *bodies*, in which every link to ``to:KEY`` leads to where ``here:KEY`` stands.

    Typst lays a paragraph out anew when it learns on which page its links end, and thousands of
    citations do. Their ends stand at the end, so it is told only afterwards.
    """
    pages: dict[int, int] = {}
    for number, body in bodies.items():
        if b"/Type/Page/" in body:
            for annotations in ANNOTATIONS.findall(body):
                pages |= {int(n): number for n in re.findall(rb"(\d+) 0 R", annotations)}
    ends = {}
    for number, body in bodies.items():
        for key in HERE.findall(body):
            left, _, _, top = RECTANGLE.findall(body)[0].split()
            ends[key] = b"/Dest[%d 0 R/XYZ %s %s 0]" % (pages[number], left, top)
    return {
        number: SAID.sub(b"/Contents(source)", LINK.sub(lambda link: ends[link[1]], body))
        for number, body in bodies.items()
    }


def _bundle(members: list[tuple[int, bytes]]) -> bytes:
    """Return a stream that holds objects."""
    places, length = [], 0
    for number, body in members:
        places.append(b"%d %d" % (number, length))
        length += len(body) + 1
    head = b" ".join(places) + b"\n"
    about = b"/Type/ObjStm/N %d/First %d" % (len(members), len(head))
    return _stream(about, head + b"\n".join(body for _, body in members))


def _stream(about: bytes, content: bytes) -> bytes:
    data = zlib.compress(content, 9)
    head = b"<<%s/Filter/FlateDecode/Length %d>>" % (about, len(data))
    return _safe(head + b"\nstream\n" + data + b"\nendstream")


def _safe(stream: bytes) -> bytes:
    """Return *stream*; one that ends in a carriage return is a byte longer.

    That return and the line end behind it look like one line end, so that validators count one
    byte too few. Nothing reads what stands behind compressed data.
    """
    match = STREAM.fullmatch(stream)
    if not match or not match[4].endswith(b"\r"):
        return stream
    return b"%s%d%s%s\n\nendstream" % (match[1], int(match[2]) + 1, match[3], match[4])


def _object(number: int, body: bytes) -> bytes:
    return b"%d 0 obj\n%s\nendobj\n" % (number, body)
