"""FAB's declarative base, with our naming convention: imported before any table exists, FAB's own included."""

from flask_appbuilder.models.sqla import Model

Model.metadata.naming_convention = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

# Options of a statement: whatever its values, one plan fits, so PostgreSQL may keep it. All others are planned anew:
# one plan for all customers would suit the largest or the others. (app.extensions)
ONE_PLAN = {"switchboard_one_plan": True}

__all__ = ["ONE_PLAN", "Model"]
