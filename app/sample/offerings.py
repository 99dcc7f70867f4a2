"""What the operator sells, as tables: a consumer and an enterprise catalog, own and third-party, with prices."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.sample import names

CATALOGS = {  # kind: English, Chinese
    "consumer": ("Consumer catalog", "个人产品目录"),
    "enterprise": ("Enterprise catalog", "政企产品目录"),
}
CATEGORIES = [  # code, English, Chinese, catalog, code of the category above
    ("MOBILE", "Mobile", "移动业务", "consumer", None),
    ("MOBILE-PLAN", "Mobile plans", "移动套餐", "consumer", "MOBILE"),
    ("MOBILE-PACK", "Data packs", "流量包", "consumer", "MOBILE"),
    ("HOME", "Home", "家庭业务", "consumer", None),
    ("BROADBAND", "Broadband", "宽带", "consumer", "HOME"),
    ("IPTV", "IPTV", "交互电视", "consumer", "HOME"),
    ("DEVICE", "Devices", "终端设备", "consumer", "HOME"),
    ("CONTENT", "Content and protection", "内容与安全", "consumer", None),
    ("PACK", "Packages", "融合套餐", "consumer", None),
    ("LINE", "Leased lines", "专线", "enterprise", None),
    ("B-NET", "Business broadband", "企业宽带", "enterprise", None),
    ("B-MOBILE", "Business mobile", "企业移动", "enterprise", None),
    ("CLOUD", "Cloud", "云服务", "enterprise", None),
    ("B-PACK", "Business packages", "企业套餐", "enterprise", None),
]
SUPPLIERS = [  # key, name, country, contact, telephone, number of the company in its country
    ("video", "星幕影视有限公司", "CN", "丁晓彤", names.mobile(800_001), names.company_number("310115", 801)),
    ("music", "Nightingale Music Ltd", "GB", "Florence Clarke", names.foreign_phone("GB", 801), None),
    ("safe", "盾安网络安全有限公司", "CN", "魏文博", names.mobile(800_003), names.company_number("110105", 803)),
    ("sports", "Goal Sports Media Inc", "US", "Peter Novak", names.foreign_phone("US", 4), None),
    ("office", "云笺办公软件有限公司", "CN", "薛佳琪", names.mobile(800_005), names.company_number("440305", 805)),
]


@dataclass(frozen=True)
class Trait:
    """A characteristic: name, Chinese name, type, unit, allowed values (a pair of dots is a range), mandatory."""

    name: str
    name_zh: str
    value_type: str = "text"
    unit: str | None = None
    values: tuple[str, ...] = ()
    is_mandatory: bool = True
    regex: str | None = None


SPEED = Trait("Bandwidth", "带宽", "integer", "Mbit/s", ("100", "300", "500", "1000"))
SPECIFICATIONS: dict[str, tuple[str, str, str | None, tuple[Trait, ...]]] = {  # key: English, Chinese, supplier, traits
    "mobile": ("Mobile line", "移动号码", None, (
        Trait("Number", "号码", regex=r"1[3-9][0-9]{9}"),
        Trait("Data volume", "流量", "integer", "GB", ("5", "20", "40", "100")),
        Trait("5G", "5G", "boolean", None, ("true", "false"), is_mandatory=False),
    )),
    "pack": ("Data pack", "流量包", None, (Trait("Data volume", "流量", "integer", "GB", ("5", "10")),)),
    "roaming": ("International roaming", "国际漫游", None, (Trait("Zone", "区域", values=("Asia", "Europe", "World")),)),
    "fibre": ("Fibre access", "光纤接入", None, (SPEED, Trait("Port", "端口", is_mandatory=False))),
    "phone": ("Fixed line", "固定电话", None, (Trait("Number", "号码", regex=r"0[0-9]{9,11}"),)),
    "iptv": ("IPTV", "交互电视", None, (Trait("Channels", "频道数", "integer", "channels", ("80..400",)),)),
    "router": ("Home router", "家庭路由器", None, (Trait("Wi-Fi", "无线标准", values=("Wi-Fi 5", "Wi-Fi 6")),)),
    "video": ("Film and series", "影视会员", "video", (Trait("Screens", "同时播放", "integer", None, ("1..4",)),)),
    "music": ("Music streaming", "音乐会员", "music", ()),
    "sports": ("Sports channel", "体育频道", "sports", ()),
    "safe": ("Family protection", "家庭安全卫士", "safe", (Trait("Devices", "设备数", "integer", None, ("1..10",)),)),
    "line": ("Leased line", "数据专线", None, (
        Trait("Bandwidth", "带宽", "integer", "Mbit/s", ("10..10000",)),
        Trait("Availability", "可用率", "decimal", "%", ("99.9", "99.95", "99.99")),
        Trait("Contract start", "合同起始", "date", is_mandatory=False),
    )),
    "mpls": ("Private network", "虚拟专网", None, (Trait("Sites", "接入点", "integer", None, ("2..200",)),)),
    "server": ("Cloud server", "云服务器", None, (
        Trait("Cores", "核数", "integer", None, ("2", "4", "8", "16")),
        Trait("Memory", "内存", "integer", "GB", ("4..128",)),
    )),
    "storage": ("Cloud storage", "云存储", None, (Trait("Capacity", "容量", "integer", "TB", ("1..100",)),)),
    "office": ("Office software", "云办公", "office", (Trait("Seats", "账号数", "integer", None, ("1..5000",)),)),
    "video-call": ("Video conference", "视频会议", None, ()),
}  # fmt: skip

COSTS = {  # key of a third-party specification: cost price of one piece each month in CNY, revenue share in per cent
    "video": ("11", None), "music": ("5", None), "sports": (None, "55"), "safe": ("3", "10"), "office": ("9", None),
}  # fmt: skip
RELATIONS = [  # specification, relation, specification
    ("pack", "requires", "mobile"), ("roaming", "requires", "mobile"), ("iptv", "requires", "fibre"),
    ("sports", "requires", "iptv"), ("line", "excludes", "fibre"), ("phone", "migrates_to", "mobile"),
]  # fmt: skip
SERVICES: dict[str, tuple[str, str, bool, tuple[tuple[str, str, str, bool], ...]]] = {
    # key: English, Chinese, seen by the customer, characteristics (name, Chinese name, type, mandatory)
    "subscriber": ("Mobile subscriber", "移动用户", True, (
        ("MSISDN", "移动号码", "text", True), ("Data profile", "流量模板", "integer", False), ("5G", "5G", "boolean", False),
    )),
    "access": ("Access line", "接入线路", True, (
        ("Downstream", "下行速率", "integer", True), ("Port", "端口", "text", False), ("Profile", "模板", "text", True),
    )),
    "television": ("Television account", "电视账号", True, (("Channel list", "频道列表", "integer", True),)),
    "partner": ("Account at a partner", "合作方账号", True, (("Product", "产品", "text", True),)),
    "ip": ("IP address block", "IP地址段", False, (("Sites", "站点数", "integer", False),)),
}  # fmt: skip
DECOMPOSED: dict[str, list[tuple[str, dict[str, str]]]] = {
    # specification: services, each with its characteristics: the name of one of the product, or = and a fixed value
    "mobile": [("subscriber", {"MSISDN": "Number", "Data profile": "Data volume", "5G": "5G"})],
    "fibre": [("access", {"Downstream": "Bandwidth", "Port": "Port", "Profile": "=GPON"}), ("ip", {})],
    "iptv": [("television", {"Channel list": "Channels"})],
    "line": [("access", {"Downstream": "Bandwidth", "Profile": "=OTN"}), ("ip", {})],
    "mpls": [("ip", {"Sites": "Sites"})],
    "video": [("partner", {"Product": "=VIDEO-1"})], "music": [("partner", {"Product": "=MUSIC-1"})],
    "sports": [("partner", {"Product": "=SPORTS-1"})], "safe": [("partner", {"Product": "=SAFE-1"})],
    "office": [("partner", {"Product": "=OFFICE-1"})],
}  # fmt: skip


@dataclass(frozen=True)
class Sold:
    """One offering. once, monthly and usage: amounts in CNY; raised: what it costs monthly since the last 1 January."""

    key: str
    name: str
    name_zh: str
    specification: str
    categories: tuple[str, ...]
    segment: str | None = None
    once: str = ""
    monthly: str = ""
    usage: str = ""
    unit: str = ""
    raised: str = ""
    term: int | None = None
    state: str = "launched"
    is_sellable: bool = True
    members: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # at least, normally, at most
    choose: tuple[str, str, int, int, tuple[str, ...]] | None = None  # group: English, Chinese, from, to, its members
    steps: tuple[tuple[str, str], ...] = ()  # of the usage price: above, amount


CONSUMER: dict[str, Any] = {"segment": "consumer"}
ENTERPRISE: dict[str, Any] = {"segment": "enterprise"}
PLAN, NET, TV, EXTRA = ("MOBILE-PLAN",), ("BROADBAND",), ("IPTV",), ("CONTENT",)
OFFERINGS = [
    Sold("m20", "Mobile S 20 GB", "畅享20G套餐", "mobile", PLAN, once="0", monthly="39", usage="3", unit="GB", **CONSUMER),
    Sold("m40", "Mobile M 40 GB", "畅享40G套餐", "mobile", PLAN, monthly="69", raised="72", usage="3", unit="GB", **CONSUMER),
    Sold("m100", "Mobile L 100 GB 5G", "5G尊享100G套餐", "mobile", PLAN, monthly="129", usage="2", unit="GB", term=12, **CONSUMER),
    Sold("m5", "Mobile Senior 5 GB", "银龄5G流量套餐", "mobile", PLAN, monthly="19", usage="5", unit="GB", **CONSUMER),
    Sold("m-old", "Mobile Classic", "经典语音套餐", "mobile", PLAN, monthly="29", usage="0.15", unit="minute", state="retired", **CONSUMER),
    Sold("m-new", "Mobile Ultra 200 GB", "5G-A旗舰200G套餐", "mobile", PLAN, monthly="199", state="in_test", term=24, **CONSUMER),
    Sold("pack5", "Data pack 5 GB", "5G流量加油包", "pack", ("MOBILE-PACK",), once="20"),
    Sold("pack10", "Data pack 10 GB monthly", "月度10G流量包", "pack", ("MOBILE-PACK",), monthly="30"),
    Sold("roam", "Roaming Asia 7 days", "亚洲七日漫游包", "roaming", ("MOBILE-PACK",), once="88"),
    Sold("f300", "Fibre 300", "光纤300M", "fibre", NET, once="100", monthly="79", term=12, **CONSUMER),
    Sold("f500", "Fibre 500", "光纤500M", "fibre", NET, once="100", monthly="99", raised="105", term=12, **CONSUMER),
    Sold("f1000", "Fibre 1000", "千兆光纤", "fibre", NET, once="100", monthly="159", term=24, **CONSUMER),
    Sold("f-dsl", "Fibre 100", "光纤100M", "fibre", NET, monthly="59", state="obsolete", **CONSUMER),
    Sold("phone", "Home telephone", "家庭固话", "phone", ("HOME",), monthly="10", usage="0.12", unit="minute", **CONSUMER),
    Sold("tv", "IPTV 160", "交互电视160频道", "iptv", TV, once="50", monthly="20", **CONSUMER),
    Sold("tv-hd", "IPTV 240 4K", "4K交互电视240频道", "iptv", TV, once="50", monthly="35", **CONSUMER),
    Sold("router", "Wi-Fi 6 router", "Wi-Fi 6 路由器", "router", ("DEVICE",), once="299"),
    Sold("router-rent", "Wi-Fi 6 router, rented", "Wi-Fi 6 路由器（租）", "router", ("DEVICE",), monthly="10"),
    Sold("video", "Film and series", "星幕影视会员", "video", EXTRA, monthly="25"),
    Sold("music", "Music", "夜莺音乐会员", "music", EXTRA, monthly="12"),
    Sold("sports", "Sports", "体育赛事包", "sports", EXTRA, monthly="38"),
    Sold("safe", "Family protection", "家庭安全卫士", "safe", EXTRA, monthly="8"),
    Sold("kids", "Kids television", "少儿频道", "iptv", TV, monthly="15", state="in_design", **CONSUMER),
    Sold("member-sim", "Second SIM", "副卡", "mobile", PLAN, monthly="10", is_sellable=False, **CONSUMER),
    Sold("l100", "Leased line 100", "数据专线100M", "line", ("LINE",), once="2000", monthly="3800", term=24, **ENTERPRISE),
    Sold("l1000", "Leased line 1000", "数据专线1000M", "line", ("LINE",), once="5000", monthly="15800", term=36, **ENTERPRISE),
    Sold("mpls", "Private network, per site", "虚拟专网（每点）", "mpls", ("LINE",), once="800", monthly="1200", term=24, **ENTERPRISE),
    Sold("bf1000", "Business fibre 1000", "企业千兆光纤", "fibre", ("B-NET",), once="500", monthly="699", term=12),
    Sold("bm40", "Business mobile 40 GB", "企业40G套餐", "mobile", ("B-MOBILE",), monthly="59", usage="2", unit="GB"),
    Sold("srv4", "Cloud server 4 cores", "云服务器4核", "server", ("CLOUD",), monthly="260", **ENTERPRISE),
    Sold("srv16", "Cloud server 16 cores", "云服务器16核", "server", ("CLOUD",), monthly="1080", raised="980", **ENTERPRISE),
    Sold("store", "Cloud storage 1 TB", "云存储1TB", "storage", ("CLOUD",), monthly="99", usage="0.5", unit="GB", **ENTERPRISE),
    Sold("office", "Cloud office, per seat", "云笺办公（每账号）", "office", ("CLOUD",), monthly="15"),
    Sold("call", "Video conference", "视频会议", "video-call", ("CLOUD",), monthly="300"),
    Sold("tv-film", "Film channels", "电影频道包", "iptv", TV, monthly="12", is_sellable=False, **CONSUMER),
    Sold("tv-world", "World channels", "环球频道包", "iptv", TV, monthly="12", is_sellable=False, **CONSUMER),
    Sold("tv-news", "News channels", "新闻频道包", "iptv", TV, monthly="12", is_sellable=False, **CONSUMER),
    Sold("tv-docu", "Documentary channels", "纪录频道包", "iptv", TV, monthly="12", is_sellable=False, **CONSUMER),
    Sold("tv-junior", "Junior channels", "少儿频道包", "iptv", TV, monthly="12", is_sellable=False, **CONSUMER),
    Sold("iot", "Internet of things", "物联网流量", "mobile", ("B-MOBILE",), usage="3", unit="GB",
         steps=(("100", "2"), ("1000", "1.2")), **ENTERPRISE),
    Sold("trio", "Trio with two channel packs", "三合一自选频道套餐", "", ("PACK",), monthly="20", term=24, members={
        "m40": (1, 1, 2), "f500": (1, 1, 1), "tv-hd": (1, 1, 1), "video": (0, 0, 1),
    }, choose=("Two of five channel packs", "频道包五选二", 2, 2,
               ("tv-film", "tv-world", "tv-news", "tv-docu", "tv-junior")), **CONSUMER),
    Sold("home", "Happy home", "幸福家庭套餐", "", ("PACK",), monthly="30", term=24, members={
        "f500": (1, 1, 1), "m40": (1, 1, 2), "member-sim": (0, 1, 3), "tv": (0, 1, 1), "video": (0, 0, 1), "safe": (0, 0, 1),
    }, **CONSUMER),
    Sold("giga", "Giga family", "千兆全家享", "", ("PACK",), monthly="20", term=24, members={
        "f1000": (1, 1, 1), "m100": (1, 1, 3), "member-sim": (0, 2, 4), "tv-hd": (1, 1, 2), "router-rent": (0, 1, 2),
        "music": (0, 0, 1), "sports": (0, 0, 1),
    }, **CONSUMER),
    Sold("start", "Business start", "企业启航套餐", "", ("B-PACK",), monthly="0", term=12, members={
        "bf1000": (1, 1, 1), "bm40": (1, 5, 50), "office": (0, 10, 500),
    }),
]  # fmt: skip
FRIEND, FRIENDS_PAY_LESS = "FRIEND", Decimal(5)
# Of PriceAlteration; on: key of an offering, category: its code; since: days ago. Those that take no code begin next month: what was
# sold before was sold without them.
DISCOUNTS: list[dict[str, Any]] = [
    {"name": "Student discount", "name_zh": "学生优惠", "percent": Decimal(20), "category": "MOBILE-PLAN",
     "price_type": "recurring", "segment": "consumer", "promotion_code": "STUDENT", "duration_months": 6,
     "priority": 20},
    {"name": "Brought by a friend", "name_zh": "亲友推荐", "percent": FRIENDS_PAY_LESS, "promotion_code": FRIEND,
     "priority": 80, "max_uses": 1_000, "since": 800},
    {"name": "New customers: no set-up", "name_zh": "新用户免初装费", "percent": Decimal(100), "category": "BROADBAND",
     "price_type": "one_time", "new_customers_only": True, "priority": 10, "stacking": "exclusive"},
    {"name": "Two years of fibre", "name_zh": "光纤两年约", "kind": "amount", "amount": Decimal(10), "currency": "CNY",
     "on": "f1000", "price_type": "recurring", "min_term_months": 24, "priority": 30, "stacking": "additive"},
    {"name": "Shanghai web weeks", "name_zh": "上海线上优惠周", "percent": Decimal(5), "channel": "web",
     "region": "310000", "priority": 90, "budget": Decimal(200_000), "currency": "CNY", "max_uses": 5_000},
    {"name": "Film inside a package", "name_zh": "套餐内影视", "percent": Decimal(50), "on": "video", "inside": "giga",
     "price_type": "recurring", "priority": 40},
    {"name": "Seats by the hundred", "name_zh": "百席优惠", "percent": Decimal(15), "on": "office",
     "segment": "enterprise", "price_type": "recurring", "min_quantity": 100, "priority": 40},
]  # fmt: skip
