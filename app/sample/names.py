"""Names, numbers and addresses of people and companies that do not exist.

None of the numbers can belong to somebody: telephone prefix 154 is not assigned, 555-01xx and 7700 900xxx are set aside
for fiction, an identity card of a person below a hundred never ends its order code in 996 to 999, and example.com and
example.org belong to nobody. All of them pass the checks that real ones pass.
"""

import datetime
import random

from stdnum.cn import ric, uscc

FAMILY_ZH = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜"
GIVEN_ZH = {
    "female": [
        "芳", "娜", "秀英", "敏", "静", "丽", "艳", "娟", "霞", "燕", "雪梅", "婷婷", "慧", "玉兰", "欣怡", "梓涵", "佳琪",
    ],
    "male": [
        "伟", "强", "磊", "军", "洋", "勇", "杰", "涛", "明", "超", "建国", "志强", "浩然", "子轩", "宇航", "文博", "海涛",
    ],
}  # fmt: skip
FAMILY_EN = [
    "Smith", "Taylor", "Brown", "Walker", "Evans", "Hughes", "Clarke", "Murphy", "Novak", "Meyer", "Okafor", "Silva",
]  # fmt: skip
GIVEN_EN = {
    "female": ["Alice", "Emma", "Grace", "Helen", "Laura", "Nora", "Sophie"],
    "male": ["Adam", "Daniel", "George", "Henry", "Oliver", "Peter", "Thomas"],
}
PINYIN = {"王": "wang", "李": "li", "张": "zhang", "刘": "liu", "陈": "chen", "杨": "yang", "赵": "zhao", "黄": "huang"}
BRANDS = [  # Chinese, English
    ("华腾", "Huateng"), ("金桥", "Jinqiao"), ("远航", "Yuanhang"), ("鼎新", "Dingxin"), ("博远", "Boyuan"),
    ("瑞丰", "Ruifeng"), ("天合", "Tianhe"), ("恒信", "Hengxin"), ("东方明", "Dongfangming"), ("蓝海", "Lanhai"),
    ("中联", "Zhonglian"), ("宏图", "Hongtu"), ("启明", "Qiming"), ("安泰", "Antai"), ("国泰", "Guotai"),
    ("万通", "Wantong"), ("星河", "Xinghe"), ("锦绣", "Jinxiu"), ("长青", "Changqing"), ("德润", "Derun"),
]  # fmt: skip
TRADES = [
    ("物流", "Logistics"), ("科技", "Technology"), ("食品", "Foods"), ("机械制造", "Machinery"), ("贸易", "Trading"),
    ("医疗器械", "Medical Devices"), ("文化传媒", "Media"), ("建筑工程", "Construction"), ("酒店管理", "Hotels"),
    ("教育咨询", "Education"),
]  # fmt: skip
FOREIGN_COMPANIES = [
    "Northwind Shipping (Shanghai) Ltd", "Contoso Instruments China Ltd", "Fabrikam Textiles (Guangzhou) Ltd",
    "Pacific Rim Foods (Shenzhen) Ltd", "Blue Harbour Consulting (Beijing) Ltd", "Alpine Optics (Suzhou) Ltd",
]  # fmt: skip
CARD_DISTRICTS = ["110105", "120101", "310101", "310104", "310106"]  # python-stdnum wants one that existed at birth
STREETS = ["人民路", "中山路", "解放大道", "建设路", "文化路", "新华街", "科技园路", "滨江大道", "朝阳路", "和平路"]


def dice_of(name: str) -> random.Random:
    """The same throws each time, apart from those of other names."""
    return random.Random(name)  # noqa: S311 (no secret)


def identity_card(district: str, born: datetime.date, gender: str, order: int = 0) -> str:
    """GB 11643: six digits of the district, the day of birth, an order code (odd for men), the check digit."""
    code = {"male": ("997", "999"), "female": ("996", "998")}[gender][order % 2]
    body = f"{district}{born:%Y%m%d}{code}"
    return body + ric.calc_check_digit(body + "0")


def company_number(district: str, sequence: int) -> str:
    """GB 32100: 91 for a company, six digits of the district, nine of the organisation, the check digit."""
    organisation = f"MA9{sequence:05d}"
    body = f"91{district}{organisation}{_organisation_check(organisation)}"
    return body + uscc.calc_check_digit(body)


def _organisation_check(code: str) -> str:
    """GB 11714: the ninth character of an organisation code."""
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    remainder = 11 - sum(int(character, 36) * weight for character, weight in zip(code, weights, strict=True)) % 11
    return {10: "X", 11: "0"}.get(remainder, str(remainder))


def mobile(sequence: int) -> str:
    return f"+86154{sequence * 7919 % 100_000_000:08d}"


def foreign_phone(country: str, sequence: int) -> str:
    return f"+1212555{100 + sequence % 100:04d}" if country == "US" else f"+447700900{sequence % 1000:03d}"


def email(name: str, sequence: int, domain: str = "example.com") -> str:
    return f"{name.lower()}{sequence}@{domain}"
