"""Where the operator works: provinces and cities, by their codes of GB/T 2260."""

from typing import Any

from sqlalchemy.orm import Session

from app.models.customer import Region
from app.sample.builders import make_region

ALL = ("ALL", "All countries", "所有国家")  # headquarters see what is anywhere
COUNTRY = ("CN", "China", "中国")
# code of the province: English, Chinese, {code of the city: English, Chinese, a district in it, post code, area code}
PROVINCES: dict[str, tuple[str, str, dict[str, tuple[str, str, str, str, str]]]] = {
    "110000": ("Beijing", "北京市", {
        "110100": ("Beijing City", "北京市区", "110105", "100020", "10"),
    }),
    "310000": ("Shanghai", "上海市", {
        "310100": ("Shanghai City", "上海市区", "310115", "200120", "21"),
    }),
    "320000": ("Jiangsu", "江苏省", {
        "320100": ("Nanjing", "南京市", "320102", "210018", "25"),
        "320500": ("Suzhou", "苏州市", "320508", "215006", "512"),
        "320200": ("Wuxi", "无锡市", "320206", "214000", "510"),
    }),
    "330000": ("Zhejiang", "浙江省", {
        "330100": ("Hangzhou", "杭州市", "330106", "310013", "571"),
        "330200": ("Ningbo", "宁波市", "330203", "315010", "574"),
    }),
    "440000": ("Guangdong", "广东省", {
        "440100": ("Guangzhou", "广州市", "440106", "510630", "20"),
        "440300": ("Shenzhen", "深圳市", "440305", "518052", "755"),
        "440600": ("Foshan", "佛山市", "440604", "528000", "757"),
    }),
    "510000": ("Sichuan", "四川省", {
        "510100": ("Chengdu", "成都市", "510107", "610041", "28"),
        "510700": ("Mianyang", "绵阳市", "510703", "621000", "816"),
    }),
    "420000": ("Hubei", "湖北省", {
        "420100": ("Wuhan", "武汉市", "420106", "430060", "27"),
    }),
    "610000": ("Shaanxi", "陕西省", {
        "610100": ("Xi'an", "西安市", "610113", "710061", "29"),
    }),
}  # fmt: skip
CITIES = {code: city for _, _, cities in PROVINCES.values() for code, city in cities.items()}
BUSY = [*CITIES, *["310100"] * 5, *["440100", "440300"] * 2]  # most customers live where the two clerks work
PROVINCE_OF = {code: (english, chinese) for english, chinese, cities in PROVINCES.values() for code in cities}


def load_places(session: Session) -> dict[str, Region]:
    """The whole, country, provinces and cities by code."""
    found: dict[str, Region] = {}

    def add(code: str, name: str, name_zh: str, parent: Any) -> Region:
        found[code] = make_region(session, code=code, name=name, name_zh=name_zh, parent=parent, flush=False)
        return found[code]

    country = add(*COUNTRY, add(*ALL, None))
    for code, (name, name_zh, cities) in PROVINCES.items():
        province = add(code, name, name_zh, country)
        for city, (city_name, city_name_zh, *_) in cities.items():
            add(city, city_name, city_name_zh, province)
    session.flush()
    return found
