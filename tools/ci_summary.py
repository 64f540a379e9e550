"""Count what a CI run did: ``ci_summary.py lint=passed test=failed ... report.xml ...``.

The XML files are JUnit reports of lit and pytest. Prints one line, ``N passed, N failed, N
skipped``, and exits with 1 when anything failed. Needs the standard library only, so that it can
report that nothing else could be installed.
"""

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree


def count_report(path: Path) -> Counter[str]:
    """Count the test cases of one JUnit report by outcome."""
    return Counter(outcome(case) for case in ElementTree.parse(path).iter("testcase"))


def outcome(case: ElementTree.Element) -> str:
    """Return ``passed``, ``failed`` or ``skipped`` for one JUnit test case."""
    tags = {child.tag for child in case}
    if tags & {"failure", "error"}:
        return "failed"
    return "skipped" if "skipped" in tags else "passed"


def main(arguments: list[str]) -> int:
    """Print the closing line of a CI run and return its exit status."""
    total: Counter[str] = Counter()
    for argument in arguments:
        part, _, result = argument.partition("=")
        if result:
            total[result] += 1
            if result == "failed":
                print(f"failed: make {part}")
        elif Path(argument).exists():
            total += count_report(Path(argument))
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
