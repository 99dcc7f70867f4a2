"""Outgoing e-mail: written in the transaction of what it tells, sent by the worker afterwards."""

import datetime

from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Declared, field
from app.models.choices import Choices
from app.models.metadata import Model
from app.models.types import UtcDateTime


class MailState(Choices):
    WAITING = "waiting", _("Waiting"), "blue"
    SENT = "sent", _("Sent"), "green"
    FAILED = "failed", _("Failed"), "red"


class Mail(Model, Declared):
    """One letter to one person, in their language. Without a server set it is kept and can be read here."""

    __tablename__ = "mail"
    __table_args__ = (Index("ix_mail_state", "state", "id"),)
    ledger = False  # it tells of changes that are in the ledger
    by_rule = True
    label, label_plural = _("E-mail"), _("E-mails")

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    created_at: Mapped[datetime.datetime] = field(UtcDateTime, label=_("Written on"), in_list=True)
    address: Mapped[str] = field(String(254), label=_("Recipient"), in_list=True, search=True)
    title: Mapped[str] = field(String(200), label=_("Subject"), in_list=True, search=True)
    text: Mapped[str] = field(String(4000), label=_("Text"), multiline=True)
    state: Mapped[MailState] = field(MailState, default=MailState.WAITING, label=_("State"), in_list=True)
    tries: Mapped[int] = field(default=0, label=_("Tries"))
    sent_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Sent on"), in_list=True)
    problem: Mapped[str | None] = field(String(500), label=_("Why it was not sent"))

    def __str__(self) -> str:
        return self.title
