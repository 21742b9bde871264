#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Reads meson's testlog.json and tells each test program's outcome in one line, with the single tests
counted where the program says them (Check's summary, TAP's lines); else the program is one test.
Usage: summary.py LABEL TESTLOG.JSON      The last line is "PASSED FAILED SKIPPED"."""

import json
import re
import sys

CHECK = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.M)
CHECK_FAILURE = re.compile(r"^\S+:\d+:[FE]:.*", re.M)
TAP = re.compile(r"^(not ok|ok)\b([^\n]*)", re.M)
TAIL_LINES = 30


def count(text):
    """(passed, failed, skipped) that the program's output tells; zeros if it tells nothing."""
    passed = failed = skipped = 0
    for checks, failures, errors in CHECK.findall(text):
        failed += int(failures) + int(errors)
        passed += int(checks) - int(failures) - int(errors)
    for verdict, rest in TAP.findall(text):
        if re.search(r"# *skip", rest, re.I):
            skipped += 1
        elif verdict == "ok":
            passed += 1
        else:
            failed += 1
    return passed, failed, skipped


def reason(text):
    """Why a test was left out: its last line."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no reason given"


def report(label, test):
    """Prints what became of one program; returns its counts."""
    text = test.get("stdout", "") + test.get("stderr", "")
    name = f"{label}/{test['name'].split(' / ')[-1]}"
    passed, failed, skipped = count(text)
    if test["result"] == "SKIP":
        print(f"skip {name}: {reason(text)}")
        return passed, failed, max(skipped, 1)
    # Check has the last word: without it the program has ended in the midst of its tests.
    untold = test["result"] == "OK" and passed + failed == 0 and ":unit /" in test["name"]
    if test["result"] in ("OK", "EXPECTEDFAIL") and failed == 0 and not untold:
        passed = max(passed, 1 - skipped)
        print(f"ok {name} ({passed} tests, {test['duration']:.1f} s)")
        for verdict, rest in TAP.findall(text):
            if re.search(r"# *skip", rest, re.I):
                print(f"skip {name}{rest}")
        return passed, failed, skipped
    why = ", without a summary" if untold else ""
    print(f"not ok {name} ({test['result'].lower()}, exit code {test.get('returncode')}{why})")
    shown = CHECK_FAILURE.findall(text) or text.splitlines()[-TAIL_LINES:]
    for line in shown[:TAIL_LINES]:
        print(f"    {line}")
    return passed, max(failed, 1), skipped


def main():
    label, log = sys.argv[1:3]
    sums = [0, 0, 0]
    with open(log, encoding="utf-8", errors="replace") as file:
        for line in file:
            for i, n in enumerate(report(label, json.loads(line))):
                sums[i] += n
    print(*sums)


if __name__ == "__main__":
    main()
