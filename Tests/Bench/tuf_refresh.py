"""Python's `tuf` refreshes a repository that lies in a folder and looks one target up in each role: tuf_refresh.py REPOSITORY STATE.

Prints the CPU milliseconds of that alone, imports and start not counted."""

import pathlib
import sys
import time

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

repository, state = map(pathlib.Path, sys.argv[1:])


class Folder(FetcherInterface):
    def _fetch(self, url):
        file = repository / url.removeprefix("https://repository/")
        if not file.is_file():
            raise DownloadHTTPError("not found", 404)
        yield file.read_bytes()


began = time.process_time()
updater = Updater(
    str(state), "https://repository/", str(state), "https://repository/targets/", Folder(),
    bootstrap=(repository / "1.root.json").read_bytes())
updater.refresh()
found = [updater.get_targetinfo(f"product-{product}/1.499/linux-x86_64-glibc/product.tar") for product in range(20)]
spent = time.process_time() - began
assert all(found), "the catalog was not all found"
print(spent * 1000)
