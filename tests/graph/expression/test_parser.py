"""Expressions as trees: ranks, names, numbers, and what is said of wrong ones."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensetrack.errors import GraphError
from sensetrack.graph.expression import names_in, parse
from sensetrack.graph.expression.parser import DEEPEST
from sensetrack.graph.expression.tree import Call, Chain, Choice, Name, Number, Tree, Unary


def written(tree: Tree) -> str:
    """A tree with all its parentheses."""
    match tree:
        case Number(value):
            return f"{value:g}"
        case Name(text):
            return text
        case Unary(sign, operand):
            return f"({sign}{written(operand)})"
        case Chain(first, rest):
            text = written(first)
            for sign, operand in rest:
                text = f"({text}{sign}{written(operand)})"
            return text
        case Choice(condition, then, otherwise):
            return f"({written(condition)}?{written(then)}:{written(otherwise)})"
        case Call(name, arguments):
            return f"{name}({','.join(map(written, arguments))})"
    raise AssertionError(tree)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1 + 2 * 3", "(1+(2*3))"),
        ("8 / 4 / 2 % 3", "(((8/4)/2)%3)"),
        ("a - b - c", "((a-b)-c)"),
        ("-a * b", "((-a)*b)"),
        ("- - + !a", "(-(-(+(!a))))"),
        ("not a and b or c", "(((!a)&&b)||c)"),
        ("a || b && c", "(a||(b&&c))"),
        ("a == b || c < 2", "((a==b)||(c<2))"),
        ("a & 3 == 1", "((a&3)==1)"),
        ("a | b ^ c & d", "(a|(b^(c&d)))"),
        ("a & b + 1", "(a&(b+1))"),
        ("a < b == c", "((a<b)==c)"),
        ("a ? b : c ? d : e", "(a?b:(c?d:e))"),
        ("a ? b ? 1 : 2 : 3", "(a?(b?1:2):3)"),
        ("if a > 1 then b else c + 1", "((a>1)?b:(c+1))"),
        ("(if a then 1 else 2) * 3", "((a?1:2)*3)"),
        ("max(a, min(b, 1), 3)", "max(a,min(b,1),3)"),
        ("~a & 0x0F", "((~a)&15)"),
        (".5e1 + 2. + 1E-2", "((5+2)+0.01)"),
        ("$sourceProduct.1.B4 + $2.B3", "($sourceProduct.1.B4+$2.B3)"),
        ("'B 4/x' * ifs", "(B 4/x*ifs)"),
        ("PI\n\t* E", "(PI*E)"),
    ],
)
def test_ranks(text: str, meaning: str) -> None:
    assert written(parse(text)) == meaning


def test_names_and_where_they_stand() -> None:
    tree = parse("log(a) + (b > 1 ? 'c d' : -$n.d)")
    assert [(name.text, name.position, name.quoted) for name in names_in(tree)] == [
        ("a", 5, False),
        ("b", 11, False),
        ("c d", 19, True),
        ("$n.d", 28, False),
    ]


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("", 1, "ends where a band, a number or '('"),
        ("1 +", 4, "ends where a band"),
        ("1 + * 2", 5, "'*' stands where a band"),
        ("(a + 1", 7, "')' is missing before the end, for the '(' at character 1"),
        ("a + 1)", 6, "there is no '(' for this ')'"),
        ("max(a, b", 9, "')' is missing before the end, for the '(' at character 4"),
        ("a b", 3, "an operator is missing before 'b'"),
        ("a = 1", 3, "'==' compares"),
        ("a[0]", 2, "by an index"),
        ("a ? b", 6, "':' is missing before the end, for the '?' at character 3"),
        ("if a then b", 12, "'else' is missing"),
        ("if a b", 6, "'then' is missing before 'b'"),
        ("sinn(a)", 1, "no function 'sinn'; did you mean 'sin'?"),
        ("atan2(a)", 1, "atan2 takes 2 arguments, and there are 1"),
        ("sin()", 1, "sin takes 1 argument, and there are 0"),
        ("feq(a, b, 1, 2)", 1, "feq takes 2 to 3 arguments"),
        ("inrange(a, 1, 2, 3)", 1, "a multiple of 3 arguments, at least 3"),
        ("random_uniform(1)", 1, "random_uniform takes no arguments"),
        ("stddev(1)", 1, "stddev takes 2 arguments or more"),
        ("a # b", 3, "'#' means nothing here"),
        ("'a", 1, "the quote is not closed"),
        ('"a"', 1, "names of bands are quoted by '"),
        ("a then b", 3, "an operator is missing"),
        ("import os", 8, "an operator is missing before 'os'"),
        ("__import__('os')", 1, "no function '__import__'"),
        ("(" * (DEEPEST + 1) + "1" + ")" * (DEEPEST + 1), DEEPEST + 1, "nested more than"),
        ("-" * 100 + "1", 101, "signs before an operand"),
    ],
)
def test_what_is_wrong_and_where(text: str, place: int, reason: str) -> None:
    with pytest.raises(GraphError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"expression, character {place}: ") and reason in str(caught.value)


def test_long_sums_are_no_deep_trees() -> None:
    tree = parse(" + ".join(f"B{n}" for n in range(2000)))
    assert isinstance(tree, Chain) and len(list(names_in(tree))) == 2000
    assert pickle.loads(pickle.dumps(tree)) == tree
    deep = parse("(" * (DEEPEST - 1) + "a" + ")" * (DEEPEST - 1))
    assert deep == Name("a", DEEPEST)
    with pytest.raises(GraphError, match="longer than the 100000"):
        parse("1+" * 60_000 + "1")


@given(st.text(alphabet="ab1.$'()+-*/%&|^~!<>=?:, ifthenlsorEx", max_size=40) | st.text(max_size=20))
def test_any_text_is_a_tree_or_a_plain_error(text: str) -> None:
    try:
        tree = parse(text)
    except GraphError as error:
        assert str(error).startswith("expression, character ")
    else:
        assert parse(text) == tree
