"""A file of torch.save, looked at before torch reads it: it may be a stranger's, and must not fill the memory."""

import pickle
import pickletools
import zipfile
from collections import OrderedDict
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from jstasr.errors import JstasrError

LARGEST_INDEX = 64 << 20  # bytes of data.pkl, which names the tensors: a model with 500 of them takes 0.1 MB
ITEM_SIZES = {"Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1}
ITEM_SIZES |= {"Byte": 1, "Bool": 1}  # bytes of a value of torch.FloatStorage and its like
OPCODES = frozenset(  # that torch.save writes for nested containers of tensors, numbers and text
    "PROTO STOP MARK GLOBAL REDUCE BUILD BINPERSID BINPUT LONG_BINPUT BINGET LONG_BINGET NONE NEWTRUE NEWFALSE "
    "BININT BININT1 BININT2 LONG1 BINFLOAT BINUNICODE EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST APPEND APPENDS "
    "EMPTY_DICT SETITEM SETITEMS".split()
)
PUTS = ("BINPUT", "LONG_BINPUT")


def read_torch_file(path: Path, what: str) -> Any:
    """The content of a file of torch.save, on the CPU; its tensors are plain, and its check sums right.

    Args:
        what: it should be, for the message.
    Raises:
        FileNotFoundError: there is none.
        JstasrError: cut short, damaged or of another kind.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_torch_file(path, archive)
            if (wrong := archive.testzip()) is not None:  # torch.load does not verify the check sums
                raise zipfile.BadZipFile(f"bad check sum of {wrong}")
        return torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, JstasrError):
        raise
    except Exception as error:  # torch raises many types on damaged files
        raise JstasrError(f"{path}: damaged or not {what} ({type(error).__name__})") from error


def check_torch_file(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse a file that holds anything but containers of plain tensors, or whose tensors are larger than it is.

    `torch.load` with `weights_only` runs no code, but its calls may ask for any memory.

    Args:
        path: of the file; archive: the same, open.
    Raises:
        JstasrError: names what is odd.
    """
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    index = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
    if len(set(names)) < len(names) or len(index) != 1:
        raise odd(path, "its parts are not those of one file")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise odd(path, "its parts are compressed")
    if sum(entry.file_size for entry in entries) > path.stat().st_size or index[0].file_size > LARGEST_INDEX:
        raise odd(path, "its parts overlap, or are larger than they can be")
    folder = index[0].filename.removesuffix("data.pkl") + "data/"
    sizes = {entry.filename.removeprefix(folder): entry.file_size for entry in entries}
    try:
        content = archive.read(index[0])
        check_opcodes(content)
        Index(content, sizes).load()
    except zipfile.BadZipFile:
        raise
    except Exception as error:  # every fault of a pickle has a type of its own
        raise odd(path, " ".join(str(error).split())[:200] or type(error).__name__) from error


def odd(path: Path, what: str) -> JstasrError:
    """The error of a file that torch.save did not write for this program."""
    return JstasrError(f"{path}: not weights as this program saves them: {what}")


def check_opcodes(content: bytes) -> None:
    """Refuse a pickle with operations that weights do not need, or with a memo larger than itself."""
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name not in OPCODES:
            raise pickle.UnpicklingError(f"the operation {opcode.name}")
        if opcode.name in PUTS and isinstance(argument, int) and argument > len(content):
            raise pickle.UnpicklingError("a place beyond its end")


class Index(pickle.Unpickler):
    """Walks through the containers without making a tensor; each storage must be as large as its record.

    Args:
        content: of data.pkl.
        sizes: key of a storage -> bytes of its record.
    """

    def __init__(self, content: bytes, sizes: dict[str, int]):
        super().__init__(BytesIO(content))
        self.sizes = sizes

    def find_class(self, module: str, name: str) -> Any:
        """Stand-ins for the three things that weights name."""
        if (module, name) == ("collections", "OrderedDict"):
            return lambda: OrderedDict()  # a copy of one that is there could be made again and again
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda *_: None
        if module == "torch" and name.endswith("Storage") and name.removesuffix("Storage") in ITEM_SIZES:
            return name.removesuffix("Storage")
        raise pickle.UnpicklingError(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> None:
        """A storage: ("storage", type, key, device, number of values)."""
        _, kind, key, _, count = pid
        if self.sizes.get(key) != count * ITEM_SIZES[kind]:
            raise pickle.UnpicklingError(f"{count} values of {kind} in {self.sizes.get(key, 0)} bytes")
