"""The native tokenizers library on one thread, for bench/tokenizer_bench.ts.

Reads a JSON request on stdin: tokenizer (a path), pieces (texts), repeats. Writes one JSON line:
load_ms, mb_s (the better of encode and encode_batch_fast), first_mb_s, checksum (of the ids).
"""

import json
import os
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tokenizers  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402


def best(repeats: int, call) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    request = json.load(sys.stdin)
    pieces, repeats = request["pieces"], request["repeats"]
    size = sum(len(p.encode()) for p in pieces) / 1e6
    loads = []
    for _ in range(repeats):
        start = time.perf_counter()
        tokenizer = Tokenizer.from_file(request["tokenizer"])
        loads.append(time.perf_counter() - start)

    def one_by_one() -> None:
        for piece in pieces:
            tokenizer.encode(piece, add_special_tokens=False)

    def batch() -> None:
        tokenizer.encode_batch_fast(pieces, add_special_tokens=False)

    start = time.perf_counter()
    encodings = [tokenizer.encode(piece, add_special_tokens=False) for piece in pieces]
    first = time.perf_counter() - start
    checksum = 0
    for encoding in encodings:
        for id in encoding.ids:
            checksum = (checksum * 31 + id) % 2**32
    seconds = min(best(repeats, one_by_one), best(repeats, batch))
    print(json.dumps({
        "version": tokenizers.__version__,
        "load_ms": min(loads) * 1e3,
        "mb_s": size / seconds,
        "first_mb_s": size / first,
        "checksum": checksum,
    }))


main()
