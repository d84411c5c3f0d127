"""Math-Verify on the cases of bench/verify_bench.ts.

Reads a JSON list of cases (gold, prediction, options) on stdin; writes a JSON list of
[milliseconds, equal], one a case.
"""
import json
import logging
import sys
import time

from math_verify import ExprExtractionConfig, LatexExtractionConfig, StringExtractionConfig, parse, verify

logging.disable(logging.CRITICAL)


def targets(options):
    for target in options.get("targets", ["latex", "expr"]):
        if target == "latex":
            yield LatexExtractionConfig(boxed_match_priority=options.get("boxed_match_priority", 50))
        elif target == "expr":
            yield ExprExtractionConfig()
        else:
            yield StringExtractionConfig(strings=tuple(options.get("strings", "ABCD")),
                                         lowercase=options.get("lowercase", True))


def judge(case):
    options = case["options"]
    kinds = list(targets(options))
    mode = {key: options[key] for key in ("fallback_mode", "extraction_mode") if key in options}
    start = time.perf_counter()
    try:
        prediction = case["prediction"]
        if "reasoning_delimiter" in options:
            prediction = prediction.split(options["reasoning_delimiter"])[-1]
        equal = verify(parse(case["gold"], kinds, **mode), parse(prediction, kinds, **mode),
                       float_rounding=options.get("precision", 6), strict=options.get("strict", True))
    except Exception:
        equal = False
    return [1000 * (time.perf_counter() - start), bool(equal)]


if __name__ == "__main__":
    json.dump([judge(case) for case in json.load(sys.stdin)], sys.stdout)
