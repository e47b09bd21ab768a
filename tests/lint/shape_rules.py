"""Rules over the shape of the code: the GCC 12 coroutine rule and the length of functions.

Both work on brace counting, not on a parser: the code is clang-formatted, and that is enough.
"""

import re

FUNCTION_LINES_MAX = 70

_OPEN = {")": "(", "]": "[", "}": "{"}
_CONTROL = re.compile(r"\b(if|while|switch|for|catch|constexpr)\s*$")
# What stands before a { that opens a block of statements; anything else before it is an initialiser.
_BLOCK_BEFORE = re.compile(
    r"(?:[\]){};:]|\b(?:else|do|try|const|mutable|noexcept|override|final)|->\s*[\w:<>,&*\s]+)\s*$"
)


def _opens_block(code, brace):
    return bool(_BLOCK_BEFORE.search(code[max(0, brace - 200):brace])) or not code[:brace].strip()


def _match_backward(code, index):
    """The bracket that opens what closes at index."""
    depth = 0
    for position in range(index, -1, -1):
        if code[position] in ")]}":
            depth += 1
        elif code[position] in "([{":
            depth -= 1
            if depth == 0:
                return position
    return 0


def _match_forward(code, index):
    depth = 0
    for position in range(index, len(code)):
        if code[position] in "([{":
            depth += 1
        elif code[position] in ")]}":
            depth -= 1
            if depth == 0:
                return position
    return len(code) - 1


def _expression_start(code, index):
    """Backward from a co_await to where its full expression begins."""
    position = index - 1
    while position >= 0:
        char = code[position]
        if char == ";":
            return position + 1
        if char in ")]":
            opening = _match_backward(code, position)
            # `if (...) co_await x;`: the parenthesis ends a condition, the expression starts behind it.
            if char == ")" and _CONTROL.search(code[max(0, opening - 20):opening]):
                return position + 1
            position = opening
        elif char == "}":
            opening = _match_backward(code, position)
            follows = code[position + 1:index].lstrip()[:1]
            if _opens_block(code, opening) and follows not in (",", ")", "(", "."):
                return position + 1
            position = opening
        elif char == "(" and _CONTROL.search(code[max(0, position - 20):position]):
            return position + 1
        elif char == "{" and _opens_block(code, position):
            return position + 1
        position -= 1
    return 0


def _expression_end(code, index):
    """Forward from a co_await to the end of its full expression."""
    position = index
    while position < len(code):
        char = code[position]
        if char in "([{":
            position = _match_forward(code, position)
        elif char == ";":
            return position
        elif char == ")":
            opening = _match_backward(code, position)
            if _CONTROL.search(code[max(0, opening - 20):opening]):
                return position
        elif char == "}" and _opens_block(code, _match_backward(code, position)):
            return position
        position += 1
    return position


_LAMBDA = re.compile(r"(?:^|[^\w)\]\s])\s*\[(?!\[)|\b(?:return|co_return|co_await)\s*\[")


def check_coroutines(source):
    if not source.is_cpp:
        return
    code = source.code
    seen = set()
    for match in re.finditer(r"\bco_await\b", code):
        start = _expression_start(code, match.start())
        end = _expression_end(code, match.start())
        if start in seen:
            continue
        seen.add(start)
        expression = code[start:end]
        line = source.line_at(match.start())
        if "{" in expression:
            yield source.finding("coroutine", line, "braces in a co_await expression: name a local first")
        elif _LAMBDA.search(expression):
            yield source.finding("coroutine", line, "lambda in a co_await expression: name a local first")


_CONTAINER = re.compile(r"\b(?:namespace|class|struct|union|enum|extern)\b")
_CONTAINER_HEAD = re.compile(r"\b(?:namespace|class|struct|union|enum|extern)\b[^;{}()]*$")
_EXEMPT = re.compile(r"\b(?:TEST_CASE|SCENARIO)\s*\(")


def _statement_before(code, brace):
    """The text between the previous statement's end and this brace."""
    position = brace - 1
    while position >= 0 and code[position] not in ";{":
        if code[position] == "}":
            opening = _match_backward(code, position)
            if _opens_block(code, opening) or _CONTAINER_HEAD.search(code[:opening][-300:]):
                break
            position = opening
        elif code[position] in ")]":
            position = _match_backward(code, position)
        position -= 1
    text = code[position + 1:brace]
    # An access specifier or a preprocessor line is no part of the statement.
    text = re.sub(r"^\s*#[^\n]*\n", "", text, flags=re.MULTILINE)
    return text, position + 1 + len(code[position + 1:brace]) - len(code[position + 1:brace].lstrip())


def _is_container(statement):
    return "(" not in statement.split("=")[0] and bool(_CONTAINER.search(statement))


def functions(code):
    """(offset of the signature, offset of the closing brace, signature) of each outermost function."""
    stack = []
    inside = None  # depth of the function that is open
    for position, char in enumerate(code):
        if char == "{":
            if inside is None:
                statement, start = _statement_before(code, position)
                is_function = "(" in statement and not _is_container(statement)
                # A member initialiser `: a_{1}` is no body; neither is a default argument's `{}`.
                if is_function and _opens_block(code, position):
                    inside = len(stack)
                stack.append((start, statement))
            else:
                stack.append((position, ""))
        elif char == "}" and stack:
            start, statement = stack.pop()
            if inside is not None and len(stack) == inside:
                inside = None
                yield start, position, " ".join(statement.split())


def check_function_length(source):
    if not source.is_cpp:
        return
    for start, end, signature in functions(source.code):
        if _EXEMPT.search(signature):
            continue
        first, last = source.line_at(start), source.line_at(end)
        if last - first + 1 > FUNCTION_LINES_MAX:
            name = re.search(r"([\w:~]+|operator\S+)\s*\(", signature)
            yield source.finding(
                "function-length",
                first,
                f"{name.group(1) if name else 'a function'} has {last - first + 1} lines, "
                f"{FUNCTION_LINES_MAX} at most",
            )


RULES = (check_coroutines, check_function_length)
