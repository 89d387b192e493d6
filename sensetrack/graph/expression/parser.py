"""Builds the tree of an expression by the ranks of its operators."""

from __future__ import annotations

from sensetrack.errors import GraphError, did_you_mean
from sensetrack.graph.expression.functions import FUNCTIONS
from sensetrack.graph.expression.tokens import Token, error, tokens_of
from sensetrack.graph.expression.tree import Call, Chain, Choice, Name, Number, Tree, Unary

DEEPEST = 40
"""How deep parentheses, calls and choices may be nested."""

RANKS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("==", "!=", "<", "<=", ">", ">="),
    ("|",),
    ("^",),
    ("&",),
    ("+", "-"),
    ("*", "/", "%"),
)
"""Operators between two operands, those that bind loosest first. Comparisons bind looser than bits, unlike in C."""

_WORDS = {"or": "||", "and": "&&"}
_KEYWORDS = ("if", "then", "else", "and", "or", "not")


def parse(text: str) -> Tree:
    """Return the tree of an expression.

    Loosest first: ``a ? b : c`` and ``if a then b else c``; ``||`` or ``or``; ``&&`` or ``and``; ``== != < <= > >=``;
    ``|``; ``^``; ``&``; ``+ -``; ``* / %``; ``- + ! not ~`` before an operand; parentheses, calls, numbers and names.

    Raises
    ------
    GraphError
        The text is no expression; the message says where.
    """
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.place = 0
        self.depth = 0
        self.calls = 0

    def whole(self) -> Tree:
        tree = self.choice()
        token = self.here
        if token.kind == "end":
            return tree
        if token.text == "=":
            raise self.error(token, "'=' assigns, which is not possible here; '==' compares")
        if token.text == ")":
            raise self.error(token, "there is no '(' for this ')'")
        if token.text == "[":
            raise self.error(token, "pixels cannot be taken by an index")
        raise self.error(token, f"an operator is missing before '{token.text}'")

    @property
    def here(self) -> Token:
        return self.tokens[self.place]

    def error(self, token: Token, reason: str) -> GraphError:
        return error(self.text, token.position, reason)

    def take(self) -> Token:
        token = self.here
        self.place += 1
        return token

    def takes(self, text: str) -> bool:
        """Go on where the next word is a certain one, and say whether it is."""
        if self.here.text == text and self.here.kind in ("sign", "name"):
            self.place += 1
            return True
        return False

    def expect(self, text: str, opened: Token) -> None:
        if not self.takes(text):
            what = f"'{self.here.text}'" if self.here.kind != "end" else "the end"
            raise self.error(
                self.here, f"'{text}' is missing before {what}, for the '{opened.text}' at character {opened.position}"
            )

    def choice(self) -> Tree:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(self.here, f"nested more than {DEEPEST} deep; compute parts as bands of their own")
        start = self.here
        if self.takes("if"):
            condition = self.choice()
            self.expect("then", start)
            then = self.choice()
            self.expect("else", start)
            tree: Tree = Choice(condition, then, self.choice())
        else:
            tree = self.chain(0)
            mark = self.here
            if self.takes("?"):
                then = self.choice()
                self.expect(":", mark)
                tree = Choice(tree, then, self.choice())
        self.depth -= 1
        return tree

    def chain(self, rank: int) -> Tree:
        if rank == len(RANKS):
            return self.unary()
        first = self.chain(rank + 1)
        rest = []
        while (sign := self.operator()) in RANKS[rank]:
            self.place += 1
            rest.append((sign, self.chain(rank + 1)))
        return Chain(first, tuple(rest)) if rest else first

    def operator(self) -> str:
        token = self.here
        if token.kind == "name":
            return _WORDS.get(token.text, "")
        return token.text if token.kind == "sign" else ""

    def unary(self) -> Tree:
        signs = []
        while (self.here.kind == "sign" and self.here.text in "-+!~") or (
            self.here.kind == "name" and self.here.text == "not"
        ):
            signs.append(self.take().text)
        if len(signs) > DEEPEST:
            raise self.error(self.here, f"more than {DEEPEST} signs before an operand")
        tree = self.primary()
        for sign in reversed(signs):
            tree = Unary("!" if sign == "not" else sign, tree)
        return tree

    def primary(self) -> Tree:
        token = self.take()
        if token.kind == "number":
            return Number(float(int(token.text, 16) if token.text[:2] in ("0x", "0X") else float(token.text)))
        if token.kind == "quoted":
            return Name(token.text, token.position, quoted=True)
        if token.kind == "name" and token.text not in _KEYWORDS:
            return self.call(token) if self.here.text == "(" and self.here.kind == "sign" else self.name(token)
        if token.text == "(" and token.kind == "sign":
            tree = self.choice()
            self.expect(")", token)
            return tree
        if token.kind == "end":
            raise self.error(token, "the expression ends where a band, a number or '(' should follow")
        raise self.error(token, f"'{token.text}' stands where a band, a number or '(' should")

    def name(self, token: Token) -> Name:
        return Name(token.text, token.position)

    def call(self, name: Token) -> Call:
        if name.text not in FUNCTIONS:
            raise self.error(name, f"no function '{name.text}'{did_you_mean(name.text, FUNCTIONS)}")
        number = self.calls
        self.calls += 1
        opened = self.take()
        arguments: list[Tree] = []
        if not self.takes(")"):
            arguments.append(self.choice())
            while self.takes(","):
                arguments.append(self.choice())
            self.expect(")", opened)
        wrong = FUNCTIONS[name.text].objection(len(arguments))
        if wrong:
            raise self.error(name, f"{name.text} takes {wrong}, and there are {len(arguments)}")
        return Call(name.text, tuple(arguments), number)
