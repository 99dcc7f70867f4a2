"""Record and field(): everything a business table and its columns declare, once, for the screens too."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

from flask_babel import get_locale
from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, String, Table, Text, event
from sqlalchemy.orm import Mapped, MappedColumn, Mapper, Session, declared_attr, mapped_column, relationship

from app.models.choices import Choices, ChoiceType
from app.models.metadata import Model
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle
from app.models.types import Exact, JsonText, Money, UtcDateTime
from app.models.vocabulary import Currency

RecordId = BigInteger().with_variant(Integer, "sqlite")
LONGEST_TREE = 100  # levels; deeper is taken for a cycle
LONGEST_SORTED = 255  # characters; a list is not sorted by longer texts


@dataclass(frozen=True, slots=True)  # beyond thirty attributes each would have a dictionary of its own: 2 MiB in all
class Field:
    """What a column tells the screens. name: the attribute; relation: the attribute of what a foreign key points to."""

    label: Any
    hint: Any = ""
    unit: Any = ""  # shown behind the input and the value
    section: Any = ""  # the heading of this field and of those declared after it; None: below all others
    in_list: bool = False
    in_form: bool = True
    in_detail: bool = True
    search: bool = False
    few_values: bool = False  # a text, never empty, that few words fill, as names of users (app.acts.few_values)
    exact: bool = False  # a code: "is" compares as it is written, so that an index of the column answers
    given: bool = False  # set by the system, read-only everywhere
    tree: bool = False
    part_of: bool = False
    scope: bool = False  # who may see what it points to may see the row; a part is seen with its whole anyhow
    once: bool = False  # typed in while the record is new; afterwards it changes by actions
    later: bool = False  # nothing to say of it while the record is new: not on the form that adds one
    multiline: bool = False
    secret: bool = False  # its values stay out of the ledger and of every screen
    gated: Any = None  # a Subject (app.models.gate): it changes by an approved request only
    assigned: bool = False  # leads to the employee, or the work group, in whose hands the row is
    same: str = ""  # a field that the row and what it leads to have alike, as the customer: others are not offered
    mine: bool = False  # leads to an employee: the form that adds one begins with who fills it in
    offers: Any = None  # of a text: a function that returns (value, label) pairs, one of which it is
    restriction: Any = None  # of a copy for one person (security.field_rights): a Restriction that is not "hidden"
    default: Any = None
    name: str = ""
    relation: str = ""
    target: str = ""  # table of what a relation leads to
    many: bool = False  # an association
    column: Any = None

    @property
    def sql_type(self) -> Any:
        return self.column.type if self.column is not None else None

    @property
    def choices(self) -> type[Choices] | None:
        return self.sql_type.choices if isinstance(self.sql_type, ChoiceType) else None

    @property
    def target_model(self) -> type[Any]:
        return model_of(self.target)

    @property
    def required(self) -> bool:
        return self.column is not None and not self.column.nullable

    @property
    def is_sorted_by(self) -> bool:
        """Whether a list can have this order: a stored value, no relation, no secret, no long text."""
        if self.secret or self.many or self.relation or self.multiline or isinstance(self.sql_type, (Text, JsonText)):
            return False
        return (getattr(self.sql_type, "length", None) or 0) <= LONGEST_SORTED

    @property
    def is_masked(self) -> bool:
        return self.restriction == "masked"


def field(
    kind: Any = None,
    *,
    label: Any,
    default: Any = None,
    unique: bool = False,
    index: bool | None = None,
    name: str | None = None,
    **shown: Any,
) -> MappedColumn[Any]:
    """One column and all that the screens need to know of it.

    name: of the column, where it differs from the attribute.
    kind: a column type, a Choices class or a ForeignKey; none where the annotation says enough (int, bool, date).
    index: of this column alone; a ForeignKey has one unless an Index of several columns begins with it (False).
    default: what a new row has, and what rows that are there already get from the migration that adds the column.
    shown: see Field.
    """
    arguments: list[Any] = [name] if name else []
    if isinstance(kind, type) and issubclass(kind, Choices):
        arguments.append(ChoiceType(kind))
    elif kind is not None:
        arguments.append(kind)
    if isinstance(kind, ForeignKey) and index is None:
        index = not unique
    if default and issubclass(kind if isinstance(kind, type) else type(kind), Exact):
        raise TypeError("a decimal column has no default but 0: its digits are stored differently by each database")
    return mapped_column(
        *arguments,
        unique=unique or None,
        index=index or None,
        default=default,
        server_default=_as_text(default),
        active_history=True,
        info={"field": Field(label=label, default=default, **shown)},
    )


def _as_text(default: Any) -> str | None:
    """The default as a quoted literal, which every database turns into the type of the column."""
    if default is None or callable(default):
        return None
    return str(int(default)) if isinstance(default, bool) else str(default)


def association(table: str, target: str, *, label: Any, **shown: Any) -> Any:
    """A many-to-many relation to the table ``target``, kept in ``table``; its changes are in the ledger too."""
    return _Association(table, target, Field(label=label, many=True, target=target, **shown))


@dataclass
class _Association:
    table: str
    target: str
    field: Field

    def relationship_of(self, owner: str) -> Any:
        columns: list[Column[Any]] = [
            Column(f"{end}_id", ForeignKey(f"{end}.id"), primary_key=True, index=bool(position))
            for position, end in enumerate((owner, self.target))
        ]
        Table(self.table, Model.metadata, *columns)
        return relationship(lambda: model_of(self.target), secondary=self.table, info={"field": self.field})


def _choices_check(table: str, column: str, choices: type[Choices]) -> CheckConstraint:
    values = ", ".join(f"'{choice.value}'" for choice in choices)
    return CheckConstraint(
        f"{column} IN ({values})",
        name=f"ck_{table}_{column}",
        info={"message": _("That is not one of the values to choose from"), "field": column},
    )


class Declared:
    """What a mapped class declares, which is all that screens and REST need to know of it."""

    label: ClassVar[Any] = "Record"
    label_plural: ClassVar[Any] = "Records"
    ledger: ClassVar[bool] = True
    large: ClassVar[bool] = False  # rows by the million: each field that a list is sorted by has an index
    gated: ClassVar[Any] = None  # a Subject (app.models.gate): rows are made, changed and deleted by request only
    by_rule: ClassVar[bool] = False  # rows are written by actions only: nobody types one in, changes or deletes one
    stays_open: ClassVar[bool] = False  # as a part, it is added and changed even where its whole is closed

    @classmethod
    def fields(cls) -> dict[str, Field]:
        """Every declared field by attribute name, in the order of declaration, created and changed last."""
        known = cls.__dict__.get("_fields")
        if known is None:
            known = cls._fields = {shown.name: shown for shown in _fields_of(cls)}  # type: ignore[attr-defined]
        return known

    @classmethod
    def lifecycles(cls) -> tuple[Lifecycle, ...]:
        known = cls.__dict__.get("_lifecycles")
        if known is None:
            found = tuple(value for value in vars(cls).values() if isinstance(value, Lifecycle))
            known = cls._lifecycles = found  # type: ignore[attr-defined]
        return known

    @property
    def frozen(self) -> str:
        """Why its form is closed as long as it is in this state; empty where it is open. check() refuses the same."""
        return ""

    @property
    def kept(self) -> str:
        """Why nobody deletes it in this state; empty where it may go."""
        return next((told for lifecycle in self.lifecycles() if (told := lifecycle.keeps(self))), "")

    @property
    def closed(self) -> str:
        """Why no part is added to it in this state; empty where it may be. The check() of a part refuses the same."""
        return ""

    @classmethod
    def tree_relation(cls) -> str | None:
        """The relation that leads to the parent in the record's own tree, if it has one."""
        return next((shown.relation for shown in cls.fields().values() if shown.tree), None)

    @classmethod
    @cache
    def own_currency(cls) -> str | None:
        """The field with the currency of the record's amounts; None where they are in the one of its whole, or none."""
        return next((name for name, shown in cls.fields().items() if shown.choices is Currency), None)

    @classmethod
    @cache
    def currency_field(cls) -> Field | None:
        """The field that leads to the whole in whose currency its amounts are; None where it has its own, or none."""
        fields = cls.fields().values()
        if cls.own_currency() or not any(isinstance(shown.sql_type, Money) for shown in fields):
            return None
        return next((shown for shown in fields if shown.part_of and shown.target_model.own_currency()), None)


class Record(Model, Declared):
    """A business row: numbered version for the optimistic lock, who made and who changed it, one set of rules."""

    __abstract__ = True

    series: ClassVar[str | None] = None  # prefix of its number, and the name of its row in number_series
    called_by: ClassVar[tuple[str, ...]] = ("number", "code", "name", "name_zh")  # its name is made of these

    id: Mapped[int] = mapped_column(RecordId, primary_key=True, sort_order=-1)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1", sort_order=900)
    created_at: Mapped[datetime.datetime] = mapped_column(
        UtcDateTime, info={"field": Field(label=_("Created"), given=True, section=None)}, sort_order=901
    )
    created_by: Mapped[str] = mapped_column(
        String(128), info={"field": Field(label=_("Created by"), given=True, few_values=True)}, sort_order=902
    )
    changed_at: Mapped[datetime.datetime] = mapped_column(
        UtcDateTime, info={"field": Field(label=_("Changed"), given=True)}, sort_order=903
    )
    changed_by: Mapped[str] = mapped_column(
        String(128), info={"field": Field(label=_("Changed by"), given=True, few_values=True)}, sort_order=904
    )

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.__dict__.get("version") or cls.version}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        table = cls.__dict__.get("__tablename__")
        if table:
            if table in Model.metadata.tables:
                raise TypeError(f"two classes have the table name {table}")  # FAB would merge them in silence
            cls._declare_constraints(table)
            cls._declare_relations(table)
        super().__init_subclass__(**kwargs)

    @classmethod
    def _declare_constraints(cls, table: str) -> None:
        given = cls.__dict__.get("__table_args__", ())
        checks = tuple(
            _choices_check(table, name, value.column.type.choices)
            for name, value in cls.__dict__.items()
            if isinstance(value, MappedColumn) and isinstance(value.column.type, ChoiceType)
        )
        cls.__table_args__ = (*checks, *given)

    @classmethod
    def _declare_relations(cls, table: str) -> None:
        """Make the relationship ``x`` of each foreign key ``x_id``, and those of the associations."""
        for name, value in list(cls.__dict__.items()):
            if isinstance(value, _Association):
                setattr(cls, name, value.relationship_of(table))
            elif isinstance(value, MappedColumn) and value.column.foreign_keys and name.endswith("_id"):
                target = target_table(value.column)
                options: dict[str, Any] = {"foreign_keys": [value]}
                if target == table:
                    options["remote_side"] = lambda cls=cls: [cls.id]
                setattr(cls, name[:-3], relationship(lambda target=target: model_of(target), **options))

    def __init__(self, **values: Any) -> None:
        """A new row has its defaults at once, so that rules can compare before anything is stored."""
        for attribute in self.fields().values():
            if attribute.default is not None and not callable(attribute.default):
                values.setdefault(attribute.name, attribute.default)
        for lifecycle in self.lifecycles():
            values.setdefault(lifecycle.column, lifecycle.initial)
        super().__init__(**values)

    def __str__(self) -> str:
        return str(getattr(self, "number", None) or self.called or f"{self.label} {self.id}")

    @property
    def called(self) -> str | None:
        """Its name in the person's language."""
        return self.worded("name")

    def worded(self, name: str) -> str | None:
        """What a field says in the person's language, where there is one more for Chinese."""
        locale = get_locale()
        chinese = getattr(self, f"{name}_zh", None) if locale is not None and locale.language == "zh" else None
        return chinese or getattr(self, name, None)

    def check(self) -> None:
        """Raise RuleBroken where fields contradict each other; runs in each flush for what is new or changed."""

    def check_removal(self) -> None:
        """Bring in line what it leaves behind, or raise RuleBroken; runs before it is deleted, unless it is kept."""

    def is_gated(self, name: str) -> bool:
        """Whether a gated field takes a request now; a model says where it does not matter yet."""
        return True

    @classmethod
    def check_set(cls, session: Session, records: "list[Any]") -> None:
        """Raise RuleBroken where the changed records contradict others; runs in the flush, after all are written."""

    # --- states ------------------------------------------------------------------------------------------------

    @property
    def pending_moves(self) -> list[tuple[str, Any, Any]]:
        """(column, old, new) of the moves since the last flush."""
        return self.__dict__.setdefault("_pending_moves", [])

    @property
    def move_reason(self) -> str:
        return self.__dict__.get("_move_reason", "")

    def move(self, state: str, reason: str = "", lifecycle: Lifecycle | None = None) -> None:
        """Take one declared step and keep its reason in the history."""
        self.__dict__["_move_reason"] = reason
        setattr(self, (lifecycle or self.lifecycles()[0]).column, state)

    def offers(self, column: str, state: str) -> bool:
        """Whether a declared step makes sense to a person now; where it does not, check() says what is missing."""
        return True

    # --- trees -------------------------------------------------------------------------------------------------

    def ancestors(self) -> "Iterator[Any]":
        """Parent, its parent and so on; RuleBroken, naming the path, where it comes back to where it was."""
        relation = self.tree_relation()
        path = [self]
        node = getattr(self, relation) if relation else None
        while node is not None:
            path.append(node)
            if node in path[:-1] or len(path) > LONGEST_TREE:
                raise RuleBroken(
                    _(
                        "%(record)s cannot be part of itself: %(path)s",
                        record=self,
                        path=" → ".join(str(step) for step in path),
                    ),
                    f"{relation}_id",
                )
            yield node
            node = getattr(node, relation)  # type: ignore[arg-type]


def _fields_of(cls: type[Any]) -> Iterator[Field]:
    mapper, section = cls.__mapper__, ""
    for key, column in mapper.columns.items():
        shown = column.info.get("field")
        if shown is not None:
            section = shown.section if shown.section != "" else section
            relation = key[:-3] if column.foreign_keys and key[:-3] in mapper.relationships else ""
            target = target_table(column)
            yield replace(shown, name=key, relation=relation, column=column, target=target, section=section)
    for key, relation_ in mapper.relationships.items():
        shown = relation_.info.get("field")
        if shown is not None:
            yield replace(shown, name=key, relation=key)


def target_table(column: Any) -> str:
    """The table that a foreign key points to; empty for any other column."""
    return next((key.target_fullname.split(".")[0] for key in column.foreign_keys), "")


_models: dict[str, type[Any]] = {}


def model_of(table: str) -> type[Any]:
    """The mapped class of a table."""
    if table not in _models:
        _models.update({mapper.class_.__tablename__: mapper.class_ for mapper in Model.registry.mappers})
    return _models[table]


def records() -> list[type[Record]]:
    """Every business model that is loaded, by table name."""
    found = [mapper.class_ for mapper in Model.registry.mappers if issubclass(mapper.class_, Record)]
    return sorted(found, key=lambda model: model.__tablename__)


@event.listens_for(Mapper, "mapper_configured")
def _guard_states(mapper: Any, cls: type) -> None:
    if issubclass(cls, Record):
        for lifecycle in cls.lifecycles():
            lifecycle.attach(cls)


@event.listens_for(Record, "expire", propagate=True)
def _forget_moves(record: Record | None, attributes: Any) -> None:
    """A rollback or refresh takes the moves back that were not written."""
    if record is None:  # collected as garbage, its state still known to the session
        return
    record.__dict__.pop("_pending_moves", None)
    record.__dict__.pop("_move_reason", None)
