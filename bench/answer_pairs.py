"""Pairs of answers of which is known whether they are the same: written by hand, or made from numbers by
rules that the product does not share.

`pairs()` gives (class, one, other, whether they are the same). A line of the tables below is one pair, its
sides apart by ` | `.
"""

import random
from collections.abc import Iterator

Pair = tuple[str, str, str, bool]

SAME = {
    "formula": r"""
\frac{1}{2} | 1/2
\dfrac{3}{4} | 0.75
\tfrac{1}{8} | .125
\frac12 | 0.5
1024 | 2^{10}
2^10 | 1024
2**10 | 1024
5! | 120
\binom{5}{2} | 10
\sqrt{8} | 2\sqrt{2}
√8 | 2√2
sqrt(12) | 2\sqrt{3}
\frac{1}{\sqrt{2}} | \frac{\sqrt{2}}{2}
\frac{\sqrt{3}}{3} | \frac{1}{\sqrt{3}}
√3/2 | \frac{\sqrt{3}}{2}
\sqrt[3]{8} | 2
\sqrt{2} | 1.414214
2\pi | 2π
\frac{\pi}{2} | π/2
\frac{3\pi}{4} | \frac{3}{4}\pi
\frac{\pi}{4} | 0.785398
x(x+1) | x^2+x
(x+1)(x-1) | x^2-1
(x+1)^2 | x^2+2x+1
2x+3 | 3+2x
2*x + 3 | 2x+3
3 - x | -x + 3
0.5x | \frac{x}{2}
\frac{1}{2}x+3 | 0.5x + 3
\frac{x+1}{2} | 0.5(x+1)
2xy | 2yx
a^2b | ba^2
ab+c | c+ba
x^{-1} | \frac{1}{x}
e^{2x} | (e^x)^2
\sin(2x) | 2\sin x\cos x
\tan x | \frac{\sin x}{\cos x}
\log_2 8 | 3
\ln e | 1
3-2i | -2i+3
(1+i)^2 | 2i
1-1/e | 1-\frac{1}{e}
x_1+x_2 | x_2+x_1
\alpha+\beta | β+α
(2x)^3 | 8x^3
x² + 1 | x^2+1
10² | 100
1½ | \frac{3}{2}
1\frac{1}{2} | 1.5
2 1/3 | 7/3
\frac{2}{6} | 1/3
1/3 | 0.333333
2/3 | 0.6666667
3 \times 4 | 12
5 \cdot 10^3 | 5000
1.5e3 | 1500
6.02 × 10^{23} | 602000000000000000000000
a^{n+1} | a \cdot a^n
n(n+1)/2 | \frac{n^2+n}{2}
|-3| | 3
\lfloor 2.7 \rfloor | 2
4^{1/2} | 2
\frac{2x}{4} | \frac{x}{2}
-\frac{1}{2} | \frac{-1}{2}
\frac{-3}{4} | -0.75
""",
    "relation": r"""
x > 5 | 5 < x
x >= 5 | x \geq 5
x ≤ 3 | 3 \ge x
x = 5 | 5
5 | x=5
y = 2x+1 | 2x+1
y=2x+1 | 2x - y + 1 = 0
2x = 10 | x = 5
f(x) = x^2 | x^2
x = \frac{1}{2} | x = 0.5
-x > 5 | x < -5
1 < x < 2 | 2 > x > 1
1 < x < 2 | (1, 2)
x > 5 | (5, \infty)
x \in [0, 1) | 0 \le x < 1
x \in [0,1) | [0,1)
x \neq 5 | 5 ≠ x
x = -3 or x = 4 | x = 4 or x = -3
x = 1 or x = 2 | 1, 2
x = 1, y = 2 | y = 2, x = 1
x = \pm 2 | x = 2 or x = -2
\pm 3 | 3, -3
x+y=3 | y+x=3
area = 12 | 12
x=2+3=5 | 5
""",
    "set": r"""
\{1, 2\} | {2, 1}
\{1,2,3\} | \{3,2,1\}
\{1,2\} | 1, 2
1, 2, 3 | 1, 2 and 3
1,2,3 | 3, 1, 2
2, -3 | -3 and 2
(1, 2) | (1,2.0)
(\frac{1}{2}, 3) | (0.5, 3)
\left(\frac{1}{2}, 3\right) | (1/2,3)
[0, 1) | [0,1)
\left[0, 1\right) | [0, 1)
(-\infty, 3) | (-∞,3)
]0,1[ | (0,1)
(0,1)\cup(2,3) | (2,3) ∪ (0,1)
(-\infty,-1)\cup(1,\infty) | (1,∞)∪(-∞,-1)
\begin{pmatrix}1&2\\3&4\end{pmatrix} | \begin{bmatrix}1&2\\3&\frac{8}{2}\end{bmatrix}
5 apples and 6 pears | 6 pears and 5 apples
1 und 2 | 2, 1
1 或 2 | 1, 2
1 y 2 | 1, 2
""",
    "unit": r"""
5 km | 5000 m
5 km | 5
5km | 5 km
12 | 12 m²
12 m^2 | 12 square meters
12\text{ cm}^2 | 12 cm²
60 km/h | 60 kilometers per hour
60 km/h | 60
1 hour | 60 minutes
2 days | 48 hours
1 week | 7 days
1 kg | 1000 g
1.5 L | 1500 ml
250 ml | 0.25 liters
90^\circ | 90
90° | 90 degrees
25 °C | 25 degrees Celsius
-5 °C | −5 °C
\$5 | 5 dollars
$5 | 5 USD
US$5 | $5
$1,200.50 | 1200.5
5 dollars | 5
€5 | 5 euros
€1.200,50 | 1200.50 €
£3 | 3 pounds sterling
5 cents | $0.05
¥5 | 5元
5 yuan | 5 元
$5 million | $5,000,000
3 dozen | 36
12 apples | 12
12 apples | 12 apple
12 red apples | 12 apples
12个苹果 | 12
共1200个 | 1200
5公里 | 5 km
3小时 | 3 hours
20岁 | 20 years
5 years old | 5 years
Tom has 5 apples left. | 5
It is 5. | 5
There are 12 boxes. | 12
5th | 5
1/3 of it | 1/3
3/4 cup | 0.75 cups
-$5 | -5
$-5 | -$5
8 m/s | 8 meters per second
10 N | 10 newtons
5 Stunden | 5 hours
7 Tage | 1 week
30 minutes | 0.5 hours
12 inches | 1 foot
1 mile | 5280 feet
50% | 0.5
50\% | 1/2
50% | 50
12% | 12 percent
12.5% | 0.125
百分之五十 | 50%
100% | 1
5 per cent | 5%
""",
    "option": r"""
(B) | B
B. | B
B) | B
\text{B} | B
\textbf{(B)} | B
\mathrm{(B)} | (B)
Option B | B
option (B) | B.
b | B
**B** | B
[B] | B
(B) Paris | B
B. Paris | (B)
(B) Paris | B) Paris
(C) 5 km | C
选B | B
Choice D | D
$\text{(E)}$ | E
(A) 12 | (A) 12.0
""",
    "yes": r"""
Yes | yes.
Yes, it is. | Yes
No | no
No, it is not. | No
yes | True
No | false
Ja | yes
nein | No
Oui | Yes
non | no
Sí | yes
是 | yes
是的 | Yes
否 | no
不是 | No
はい | yes
いいえ | no
Да | yes
正确 | true
**Yes** | Yes
""",
    "word": r"""
\text{east} | east
East | east.
the Eiffel Tower | Eiffel tower
"Paris" | Paris
‘Paris’ | paris
C# | c#
C++ | c++
x-ray | X-ray
蓝色 | 蓝色。
“蓝色” | 蓝色
Monday | monday
\textbf{blue} | blue
__blue__ | blue
New York | new york
6:15 | 06:15
2024-03-01 | 2024-3-1
a rose | rose
M. Curie | m curie
`north` | North
\text{ Tuesday } | Tuesday
""",
}  # fmt: skip
OTHER = {
    "formula": r"""
2π | π/2
√2 | 2
√3/3 | 1
-√3 | 3
-√3 | √3
sqrt(5) | 5
5! | 5
x^2 | 2
x^2 | x
n+1 | n-1
2x+3 | 2x-3
3-2i | 3+2i
1-1/e | 1+1/e
-x+4 | x+4
2x | 2
x | y
x+1 | y+1
xy | x+y
x^3 | 3^x
2^{10} | 210
10² | 102
1½ | 11/2
\frac{1}{2} | \frac{2}{1}
\frac{1}{2} | 12
\sqrt{2}+\sqrt{3} | \sqrt{5}
\sqrt{x} | x
\sin x | \cos x
\sin(2x) | 2\sin x
|x| | x
\sqrt{x^2} | x
e^x | e^{-x}
\log_2 8 | \log_8 2
\ln 2 | \log_2 e
a/b | b/a
a-b | b-a
a^b | b^a
x_1 | x_2
x' | x
f(x) | f(y)
\pi | 3.14
\frac{22}{7} | \pi
1/3 | 0.33
0.333 | 1/3
\sqrt{2} | 1.41
x^2+1 | x^2+x
(x+1)^2 | x^2+1
2(x+1) | 2x+1
\frac{x+1}{2} | x+\frac{1}{2}
2^{300} | 2^{300}+1
10^{20} | 10^{20}+1
e^{\pi\sqrt{163}} | 262537412640768744
0.0000001 | 0.0000002
1e-9 | 2e-9
3×4 | 4×3
5e3 | 5
1e3 | 13
x2 | 2x
i | 1
\infty | -\infty
∞ | 1000000
- 3 | 3
1.5.2 | 1.52
""",
    "relation": r"""
x > 5 | x < 5
x > 5 | x ≥ 5
x > 5 | x > 6
x > 5 | x = 5
x > 5 | 5
x > 5 | y > 5
y=-x+4 | y=x+4
x=5 | y=5
x = 5 | x = -5
x \neq 5 | x = 5
1 < x < 2 | 1 ≤ x < 2
1 < x < 2 | [1, 2]
x ≥ 5 | (5, \infty)
x^2=-1 | x^2=-4
x^2 = 4 | x = 2
x = 1, y = 2 | x = 2, y = 1
x = 1 or x = 2 | x = 1 or x = 3
x = 1 or x = 2 | x = 1
-x > 5 | x > -5
x+y=3 | x-y=3
2x < 10 | x > 5
a = b | a < b
""",
    "set": r"""
(-∞,3) | (3,∞)
[0,1) | (0,1]
[0,1] | (0,1)
(1,2) | (2,1)
(1,2) | [1,2]
(1, 2) | (1, -2)
(1,2,3) | (1,2)
\{1,2\} | \{1,3\}
\{1,2\} | \{1,2,3\}
±2021 | 2021
\pm 3 | 3
1, 2 | 1
1, 2 | 12
1,200 | 1, 200
(0,1)\cup(2,3) | (0,1)\cap(2,3)
(0,1)\cup(2,3) | (0,3)
\begin{pmatrix}1&2\\3&4\end{pmatrix} | \begin{pmatrix}1&3\\2&4\end{pmatrix}
\begin{pmatrix}1&2\end{pmatrix} | \begin{pmatrix}1\\2\end{pmatrix}
5 apples and 6 pears | 6 apples and 5 pears
red, blue | red, green
tea and coffee | tea or coffee
""",
    "unit": r"""
5 km | 5 m
5 km | 5 miles
5 kg | 5 g
5 kg | 5 km
$5 | €5
$5 | £5
5 dollars | 5 euros
5 dollars | 5 cents
$5 | 5 km
5 m | 5 m²
12 m² | 12 m³
12 cm² | 12 m²
60 km/h | 60 m/s
60 km/h | 60 km
5 °C | 5 °F
90° | 90%
5 mW | 5 MW
5 MB | 5 GB
1 hour | 1 minute
1 hour | 100 minutes
1 month | 30 days
5 hours | 5 days
not 5 | 5
about 5 | 5
more than 5 | 5
at least 5 | 5
less than 5 | 5
5 or more | 5
5 or 6 | 5
5 to 10 | 5
5 million | 5
5 thousand | 5 million
3 dozen | 3
50% | 5
50% | 0.05
0.5% | 0.5
5% | 0.5
150% | 15
12 apples | 13 apples
12 apples | 12 pears
$5 million | $5
minus 5 | 5
五百 | 五
不到5个 | 5
约5 | 5
5倍 | 5
5 km | 50 km
1,200 | 1.2
1200 | 120
$1,200.50 | $1,200.05
5 kN | 5 N
5m | 5
half of 10 | 10
double 5 | 5
5 squared | 5
square root of 5 | 5
no 5 | 5
""",
    "option": r"""
A | B
(A) | (B)
A. | C
(A) Paris | (B) Paris
(B) Paris | (B) London
Option A | Option D
AC | A
A and C | A
A, C | A, D
A | 1
(B) 5 | (C) 5
选A | 选B
C | C#
E | 2.71828
""",
    "yes": r"""
Yes | No
Yes | Not yes
yes | 5
True | False
Ja | nein
是 | 否
是 | 不是
Yes and no | Yes
No | 0
Yes | 1
Yes, but not always | Yes
No | None
oui | non
""",
    "word": r"""
C# | C
C++ | C
C# | C++
north | south
New York | New York City
stop | pots
no | on
Paris | Parish
Paris, France | Paris, Texas
A and B | A or B
6:15 | 6:51
6:15 am | 6:15 pm
2024-12-10 | 2024-10-12
1/2/2024 | 2/4/2024
2024 | 2025
三角形 | 3
blue | not blue
Apollo 11 | Apollo 13
< | >
+ | -
1010_2 | 1010
Mr. Smith | Mrs. Smith
red | read
3:4 | 4:3
Henry IV | Henry VI
CO2 | CO
""",
}  # fmt: skip
_DEEP = "(" * 10_000 + "x" + ")" * 10_000
HOSTILE = (
    ("9**9**9**9", "1"),
    ("9^9^9^9", "9^9^9^8"),
    ("9^{9^{9^{9}}}", "9"),
    ("((9^{9})^{9})^{399}", "((9^{9})^{9})^{398}"),
    ("(((9^{399})^{399})^{399})^{399}", "2"),
    (_DEEP, "x"),
    (_DEEP, _DEEP.replace("x", "y")),
    ("{" * 10_000 + "}" * 10_000, "1"),
    ("1" * 100_000, "1" * 99_999),
    ("x+" * 50_000 + "x", "x"),
    ("99999!", "1"),
    ("400!", "399!"),
    ("((5!)!)!", "1"),
    (r"\sqrt{" * 300 + "2" + "}" * 300, "2"),
    (r"\frac{" * 100, "1"),
    ("(x+y+z+a+b+c)^{399}", "(x+y+z+a+b+d)^{399}"),
    ("(x+y+z+a+b+c)^{99}", "(x-y+z+a+b+c)^{99}"),
    (r"\sin(\cos(\sin(\cos(\tan(x^{99})))))", r"\sin(\cos(\sin(\cos(\tan(x^{98})))))"),
    ("1," * 900 + "1", "1," * 899 + "2"),
    ("$" * 1900, "\\" * 1900),
    ("\u202e\u0000\ud800" * 100, "\ufffd"),
    ("answer " * 250, "Answer: " * 200),
    ("1/" * 900 + "1", "1/" * 900 + "2"),
    ("一" * 1900, "万" * 1900),
    ("1e999999999", "1e999999998"),
    (r"\int_0^1 x dx", "0.5001"),
    ("e^{e^{e^{e^{9}}}}", "e^{e^{e^{e^{8}}}}"),
    (r"\sum_{n=1}^{\infty} n", "1"),
)  # fmt: skip

_NUMBERS = (
    0,
    1,
    7,
    12,
    42,
    90,
    100,
    365,
    999,
    1000,
    1200,
    4096,
    9500,
    12_345,
    100_000,
    1_000_000,
    73_500_201,
)
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_HAN = "零一二三四五六七八九"


def pairs() -> Iterator[Pair]:
    """Yield every pair, those that are made with the same chance each time."""
    for truth, tables in ((True, SAME), (False, OTHER)):
        for name, table in tables.items():
            for line in table.strip().splitlines():
                one, other = line.split(" | ")
                yield name, one, other, truth
    yield from _made()
    for one, other in HOSTILE:
        yield "hostile", one, other, False


def _made() -> Iterator[Pair]:
    chance = random.Random(7)
    for number in _NUMBERS:
        grouped = f"{number:,}"
        for spelt in (
            grouped,
            grouped.replace(",", "{,}"),
            grouped.replace(",", " "),
            f"${number}$",
            rf"\boxed{{{number}}}",
            f"**{number}**",
            f"{number}.",
            f"{number}.0",
            f"{number} pens",
            f"It is {number}.",
            f"x = {number}",
            rf"\text{{{number}}}",
        ):
            yield "number", str(number), spelt, True
        for wrong in (
            f"-{number + 1}",
            str(number + 1),
            f"{number}0",
            f"1{number}",
            f"{number}.5",
            f"{number + 1} pens",
        ):
            yield "number", str(number), wrong, number == 0 and wrong == "00"
    for _ in range(40):
        number = chance.randrange(1, 1000)
        yield "words", str(number), _english(number), True
        yield "words", str(number + 1), _english(number), False
        number = chance.randrange(1, 10_000)
        yield "chinese", str(number), _chinese(number), True
        yield "chinese", str(number * 10), _chinese(number), False
    for _ in range(25):
        above, below = chance.randrange(1, 60), chance.choice((2, 4, 5, 8, 10, 16, 20, 25))
        yield "fraction", f"{above}/{below}", rf"\frac{{{above}}}{{{below}}}", True
        yield "fraction", rf"\dfrac{{{above}}}{{{below}}}", str(above / below), True
        yield "fraction", f"{above}/{below}", rf"\frac{{{above + 1}}}{{{below}}}", False
        yield "fraction", f"{above}/{below}", f"-{above}/{below}", False


def _english(number: int) -> str:
    if number < 20:
        return _ONES[number]
    if number < 100:
        return _TENS[number // 10] + (f"-{_ONES[number % 10]}" if number % 10 else "")
    rest = f" and {_english(number % 100)}" if number % 100 else ""
    return f"{_ONES[number // 100]} hundred{rest}"


def _chinese(number: int) -> str:
    text, gap = "", False
    for place, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // place % 10
        if digit:
            text += ("零" if gap and text else "") + _HAN[digit] + name
        gap = digit == 0
    return text.removeprefix("一") if text.startswith("一十") else text
