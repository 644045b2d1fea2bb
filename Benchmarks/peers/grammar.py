"""Reads folded stacks of any profiler and tells the possible from the impossible, by the comments in recursion.py."""

import re
from pathlib import Path

TARGET = Path(__file__).with_name("recursion.py")
# "name (file:line)", as py-spy and loopscope write a frame, or "file:name:line", as Austin does.
FRAME = re.compile(
    r"(?P<name>[^;()]+?) \((?P<file>[^;()]*?):(?P<line>\d+)\)|(?P<file2>[^;]*?):(?P<name2>[^;:]+):(?P<line2>\d+)"
)
MARK = re.compile(r"# (\S+) -> (\S+)$")


class Grammar:
    """Which line of the target calls what, which function a line belongs to, and how deep it may go."""

    def __init__(self):
        lines = TARGET.read_text(encoding="utf-8").splitlines()
        self.calls = {number: match.groups() for number, text in enumerate(lines, 1) if (match := MARK.search(text))}
        self.owner, current = {}, "<module>"
        for number, text in enumerate(lines, 1):
            if text and not text[0].isspace():
                current = text[4:].split("(")[0] if text.startswith("def ") else "<module>"
            self.owner[number] = current
        self.depth = int(next(text for text in lines if text.startswith("DEPTH = ")).split("=")[1])

    def frames(self, stack):
        """The target's own frames, outermost first: (name, line); None when a frame cannot be read."""
        found = []
        for text in stack.split(";"):
            match = FRAME.fullmatch(text.strip())
            if match is None:
                continue
            name, file, line = (match[key] or match[key + "2"] for key in ("name", "file", "line"))
            if file.endswith(TARGET.name):
                found.append((name.rpartition(".")[2] or name, int(line)))
        return found

    def violation(self, frames):
        """Why these frames, outermost first, cannot have been on the stack at one moment; None when they can."""
        if not frames:
            return "no frame of the target"
        if frames[0][0] != "<module>":
            return "does not begin at the module"
        for (name, line), following in zip(frames, frames[1:] + [None]):
            if self.owner.get(line) != name:
                return f"line {line} is not in {name}"
            if following is not None:
                if line not in self.calls:
                    return f"line {line} of {name} calls nothing"
                if self.calls[line] != (name, following[0]):
                    return f"line {line} of {name} does not call {following[0]}"
        # module, run, the recursion, leaf
        recursion = sum(name in ("left", "right") for name, _ in frames)
        if recursion > self.depth - 1 or (frames[-1][0] == "leaf" and recursion != self.depth - 1):
            return f"{recursion} levels of recursion"
        return None


def read_folded(path, one_per_line):
    """(stack, count) per line of a folded file. Austin's number is a time, so there each line is one sample."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            stack, _, number = line.strip().rpartition(" ")
            if stack and not line.startswith("#") and number.isdigit():
                yield stack, 1 if one_per_line else int(number)


def judge(path, one_per_line):
    """(samples, impossible, one example) of a profiler's output."""
    grammar, verdicts = Grammar(), {}
    samples = impossible = 0
    example = None
    for stack, count in read_folded(path, one_per_line):
        if stack not in verdicts:
            verdicts[stack] = grammar.violation(grammar.frames(stack))
        samples += count
        if verdicts[stack]:
            impossible += count
            example = example or verdicts[stack]
    return samples, impossible, example
