"""Seals: blocks of ledger rows, chained, so that what was written stays as it was written.

A worker seals after the rows are committed; a transaction that writes knows nothing of it. What the hashes are made of
is told in rules/sealing.py and docs/decisions/0027.
"""

import datetime

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, Index, Integer, String, Text
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Declared, field
from app.models.metadata import Model
from app.models.types import JsonText, UtcDateTime

LongText = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")


class Seal(Model, Declared):
    """One block of rows of one table, and a link of the chain: append only.

    id: its place in the chain, from 1, without a gap. sealed_keys: of its rows, as "1-2000 2003". marks: the first
    bytes of the digest of each row, in base64: they name the row that is not as it was; rows_hash proves it. covers:
    the columns that were sealed, so that a column added later does not break what is there.
    """

    __tablename__ = "seal"
    __table_args__ = (Index("ix_seal_table", "table_name", "last_key"),)
    ledger = False  # it proves the ledger
    by_rule = True
    label, label_plural = _("Seal"), _("Seals of the ledger")

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    table_name: Mapped[str] = field(String(64), label=_("Table"), in_list=True)
    is_late: Mapped[bool] = field(
        label=_("Late"), hint=_("Rows that were committed after higher keys had been sealed"), in_list=True
    )
    first_key: Mapped[int] = field(BigInteger, label=_("First key"), in_list=True)
    last_key: Mapped[int] = field(BigInteger, label=_("Last key"), in_list=True)
    row_count: Mapped[int] = field(Integer, label=_("Entries"), in_list=True)
    sealed_at: Mapped[datetime.datetime] = field(UtcDateTime, label=_("Sealed at"), in_list=True)
    hash: Mapped[str] = field(String(64), label=_("Hash"), hint=_("SHA-256"), in_list=True, search=True)
    previous_hash: Mapped[str] = field(String(64), label=_("Hash of the seal before"))
    rows_hash: Mapped[str] = field(String(64), label=_("Hash of the rows"))
    form: Mapped[int] = field(Integer, label=_("Version of the form"))
    covers: Mapped[list[str]] = mapped_column(JsonText, deferred=True)  # no page shows these three
    sealed_keys: Mapped[str] = mapped_column(LongText, deferred=True)
    marks: Mapped[str] = mapped_column(LongText, deferred=True)

    def __str__(self) -> str:
        return gettext("Seal %(number)s", number=self.id)
