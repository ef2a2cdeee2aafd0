"""The yardstick of S4: what a walk over a whole bbolt file costs when it checks and takes nothing."""

import os
from struct import Struct

_PAGE = Struct("<QHHI")
_LEAF = Struct("<IIII")
_BRANCH = Struct("<IIQ")
_BUCKET = Struct("<QQ")
_META = Struct("<IIIIQQQQQQ")


def walk_bolt(path: str) -> int:
    """Visit every page and every element header of a bbolt file, nested and inline buckets included (S4).

    Returns the number of elements.
    """
    descriptor = os.open(path, os.O_RDONLY)
    data = os.read(descriptor, os.fstat(descriptor).st_size)
    os.close(descriptor)
    size = _META.unpack_from(data, _PAGE.size)[2]
    metas = (_META.unpack_from(data, at + _PAGE.size) for at in (0, size))
    count = 0
    todo = [max(metas, key=lambda meta: meta[8])[4] * size]
    while todo:
        page = todo.pop()
        _, flags, elements, _ = _PAGE.unpack_from(data, page)
        at = page + _PAGE.size
        headers = data[at : at + _LEAF.size * elements]
        count += elements
        if flags == 1:
            todo += [child * size for _, _, child in _BRANCH.iter_unpack(headers)]
            continue
        for bucket, position, key, _length in _LEAF.iter_unpack(headers):
            if bucket:
                value = at + position + key
                root, _ = _BUCKET.unpack_from(data, value)
                todo.append(root * size or value + _BUCKET.size)
            at += _LEAF.size
    return count
