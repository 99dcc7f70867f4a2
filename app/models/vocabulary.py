"""Words that several subjects use; those of one subject stand in its own module."""

from flask_babel import lazy_gettext as _

from app.models.choices import Choices


class Segment(Choices):
    CONSUMER = "consumer", _("Consumer"), "blue"
    SMALL_BUSINESS = "small_business", _("Small business"), "teal"
    ENTERPRISE = "enterprise", _("Enterprise"), "violet"


class Channel(Choices):
    SHOP = "shop", _("Shop"), "teal"
    CALL_CENTRE = "call_centre", _("Call centre"), "blue"
    WEB = "web", _("Web"), "violet"
    APP = "app", _("App"), "violet"
    EMAIL = "email", _("E-mail"), "grey"
    SOCIAL = "social", _("Social media"), "amber"
    LETTER = "letter", _("Letter"), "grey"
    FIELD_SALES = "field_sales", _("Field sales"), "green"
    PARTNER = "partner", _("Partner"), "amber"


class Currency(Choices):
    """ISO 4217; the code is what people read, in every language."""

    CNY = "CNY", "CNY", "grey"
    HKD = "HKD", "HKD", "grey"
    USD = "USD", "USD", "grey"
    EUR = "EUR", "EUR", "grey"
    GBP = "GBP", "GBP", "grey"
    SGD = "SGD", "SGD", "grey"
    JPY = "JPY", "JPY", "grey"


class Language(Choices):
    ENGLISH = "en", "English", "grey"
    CHINESE = "zh", "中文", "grey"


# Headings above the fields of several subjects; see Field.section.
CONTACT, POSITION = _("Contact details"), _("Department and region")
DATES, VALIDITY = _("Dates"), _("Beginning and end")
LIFECYCLE, FOR_WHOM = _("Lifecycle"), _("For whom")
