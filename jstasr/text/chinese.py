"""Chinese numbers whose reading shows by what stands beside them: years, dates, telephone numbers, two of a thing."""

import re

from jstasr.text.number_words import cardinal, digit_by_digit
from jstasr.text.times import TWO_OF

# A round number before "ago" counts years.
YEAR = re.compile(r"(?<![\d.,])(?!1000年|[12]\d00年前)([12]\d{3})(?=年)")
YEARS = re.compile(r"(?<![\d.,-])([12]\d{3}) ?[-\u2013\u2014~] ?([12]\d{3})(?=年)")
DATE = re.compile(r"(?<![\d.,/-])([12]\d{3})([-/.])(0?[1-9]|1[0-2])\2(0?[1-9]|[12]\d|3[01])(?![\d.,/-]\d|\d)")
PHONE = re.compile(r"(?<![\d.,-])(?:1[3-9]\d{9}|0\d{2,3}-\d{7,8}|400-?\d{3}-?\d{4})(?![\d-])")
# Two before a measure word, but not in an ordinal or a date.
MEASURES = (
    "个|個|位|名|次|天|周|週|种|種|条|條|件|张|張|本|只|隻|支|台|臺|辆|輛|家|间|間|座|块|塊|倍|遍|岁|歲|小时|小時|"
    "分钟|分鐘|年(?!级|級|代|生)|万|萬|亿|億|人|公斤|公里|米|元|杯|碗|瓶|把|双|雙|对|對|套|部|棵|头|頭|句|段|点|點|层(?!楼)"
)
TWO = re.compile(rf"(?<![\d.,:/第年月初星期-])2(?= ?(?:{MEASURES}))")


def spell_chinese(text: str, code: str) -> str:
    """Text with such numbers in words.

    Args:
        text: as written.
        code: of `number_language`.
    """
    text = DATE.sub(lambda match: _date(match, code), text)
    text = YEARS.sub(lambda match: f"{_digits(match[1], code)}到{_digits(match[2], code)}", text)
    text = YEAR.sub(lambda match: _digits(match[1], code), text)
    text = PHONE.sub(lambda match: _digits(match[0], code), text)
    return TWO.sub(TWO_OF[code], text)


def _digits(number: str, code: str) -> str:
    return digit_by_digit(number, code).replace(" ", "")


def _date(match: re.Match[str], code: str) -> str:
    """2024-11-27 is read as if it were written 2024年11月27日."""
    month, day = (cardinal(str(int(part)), code) for part in match.group(3, 4))
    return f"{_digits(match[1], code)}年{month}月{day}日"
