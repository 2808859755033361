"""What Python's zoneinfo says of a folder of TZif files, and a folder whose zones change places: the oracle of ZoneFolderTests.

    zone_oracle.py answers FOLDER COUNT OUT    every zone's offset at COUNT random times, which the test makes too
    zone_oracle.py exchange FOLDER             each zone gets the next zone's file, as an update of tzdata puts it there

OUT: for each zone the length of its name (1 byte), its name, and COUNT offsets of 4 bytes in seconds, little-endian.
"""

import array
import datetime
import os
import pathlib
import sys
import zoneinfo

EPOCH = datetime.datetime(1970, 1, 1)
FIRST, SPAN = -3_786_825_600, 20_512_051_200  # 1850 to 2500


def files(folder):
    """The zones of a folder by name; those with leap seconds (right/) have another time scale."""
    for path in sorted(pathlib.Path(folder).rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not name.startswith("right/") and path.is_file() and path.read_bytes()[:4] == b"TZif":
            yield name, path


def answers(folder, count, out):
    zoneinfo.reset_tzpath(to=[os.path.abspath(folder)])
    state = 1
    with open(out, "wb") as target:
        for name, path in files(folder):
            with path.open("rb") as file:
                zone = zoneinfo.ZoneInfo.from_file(file)
            offsets = array.array("i")
            for _ in range(count):
                state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
                moment = EPOCH + datetime.timedelta(seconds=FIRST + (state >> 20) % SPAN)
                offset = zone.fromutc(moment.replace(tzinfo=zone)).utcoffset()
                offsets.append(offset.days * 86_400 + offset.seconds)
            encoded = name.encode()
            target.write(bytes([len(encoded)]) + encoded)
            target.write(offsets.tobytes())


def exchange(folder):
    whole = [(path, path.read_bytes()) for _, path in files(folder) if not path.is_symlink()]
    for (path, _), (_, content) in zip(whole, whole[1:] + whole[:1]):
        new = path.with_name(path.name + ".dpkg-new")
        new.write_bytes(content)
        os.replace(new, path)


if sys.argv[1] == "answers":
    answers(sys.argv[2], int(sys.argv[3]), sys.argv[4])
else:
    exchange(sys.argv[2])
