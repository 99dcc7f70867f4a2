"""Every CHECK of the subjects fires on the row it is against, on every database, and has its sentence."""

import datetime
from typing import Any

import pytest
from flask_appbuilder.models.sqla import Model
from sqlalchemy import CheckConstraint, literal_column, update
from sqlalchemy.dialects import mysql, oracle, postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from app.models.base import model_of, records
from app.models.choices import ChoiceType
from app.models.fired import refusal
from tests.models.rows import VALID, make

DAY = datetime.date(2026, 5, 1)
AT = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)
LONG_AGO = datetime.datetime(1990, 1, 1, tzinfo=datetime.UTC)
ENDS_FIRST = {"valid_from": DAY, "valid_to": DAY}

BROKEN: dict[str, dict[str, Any]] = {  # constraint: what breaks it on a valid row
    "ck_approval_policy_days": {"days": 0},
    "ck_approval_policy_needed": {"needed": 10},
    "ck_billing_account_bill_cycle_day": {"bill_cycle_day": 29},
    "ck_billing_account_closed_has_date": {"state": "closed"},
    "ck_billing_account_closed_owes_nothing": {"state": "closed", "closed_at": AT, "balance": 1},
    "ck_billing_account_credit_limit_not_negative": {"credit_limit": -1},
    "ck_billing_account_has_payer": {"pays": False},
    "ck_bundle_group_limits": {"lower_limit": 3, "upper_limit": 2},
    "ck_bundled_offering_limits": {"lower_limit": 2, "default_number": 1, "upper_limit": 3},
    "ck_change_request_decision_rejected_with_reason": {"verdict": "rejected", "reason": None},
    "ck_change_request_ends_later": {"apply_from": DAY, "valid_until": DAY},
    "ck_change_request_needed": {"needed": 0},
    "ck_characteristic_mapping_source": {"fixed_value": None},
    "ck_contact_medium_city": {"medium_type": "postal_address"},
    "ck_contact_medium_email_address": {"medium_type": "email"},
    "ck_contact_medium_period": ENDS_FIRST,
    "ck_contact_medium_phone_number": {"phone_number": None},
    "ck_contact_medium_social_network_id": {"medium_type": "social"},
    "ck_customer_born_before": {"birth_date": DAY, "valid_from": DAY - datetime.timedelta(1)},
    "ck_customer_closed_has_date": {"closed_at": AT},
    "ck_customer_identification_complete": {"identification_type": "passport"},
    "ck_customer_identification_fits_party": {"identification_type": "company_number", "identification_number": "1"},
    "ck_customer_individual_has_family_name": {"family_name": None},
    "ck_customer_individual_is_no_organization": {"trading_name": "Acme"},
    "ck_customer_organization_has_trading_name": {
        "party_type": "organization",
        "family_name": None,
        "given_name": None,
    },
    "ck_customer_organization_is_no_person": {"party_type": "organization", "trading_name": "Acme"},
    "ck_deputy_is_another": {"deputy_id": literal_column("employee_id")},
    "ck_deputy_period": ENDS_FIRST,
    "ck_duty_exception_period": ENDS_FIRST,
    "ck_employee_period": ENDS_FIRST,
    "ck_offering_term_months_not_negative": {"months": -1},
    "ck_discount_use_amount_not_negative": {"amount": -1},
    "ck_offering_test_case_expected_monthly_not_negative": {"expected_monthly": -1},
    "ck_offering_test_case_expected_once_not_negative": {"expected_once": -1},
    "ck_offering_test_case_quantity": {"quantity": 0},
    "ck_offering_test_case_term": {"term_months": 0},
    "ck_offering_test_item_quantity": {"quantity": -1},
    "ck_order_review_refused_with_reason": {"decision": "rejected"},
    "ck_party_interaction_completed_has_date": {"status": "completed"},
    "ck_party_interaction_period": {"status": "completed", "completed_at": LONG_AGO},
    "ck_price_alteration_amount_not_negative": {
        "kind": "amount",
        "percent": None,
        "amount": -1,
        "currency": "CNY",
    },
    "ck_price_alteration_budget_not_negative": {"budget": -1, "currency": "CNY"},
    "ck_price_alteration_counts": {"min_quantity": 0},
    "ck_price_alteration_has_currency": {"budget": 100},
    "ck_price_alteration_percent_not_negative": {"percent": -1},
    "ck_price_alteration_period": ENDS_FIRST,
    "ck_price_alteration_value": {"kind": "amount"},
    "ck_price_change_existing_later": {"existing_from": DAY, "valid_from": DAY + datetime.timedelta(1)},
    "ck_price_change_value": {"amount": 1},
    "ck_price_tier_above": {"above": 0},
    "ck_price_tier_amount_not_negative": {"amount": -1},
    "ck_product_catalog_period": ENDS_FIRST,
    "ck_product_offering_bundle_or_specification": {"is_bundle": True},
    "ck_product_offering_has_specification": {"lifecycle_status": "in_test", "product_specification_id": None},
    "ck_product_offering_period": ENDS_FIRST,
    "ck_product_offering_price_amount_not_negative": {"amount": -1},
    "ck_product_offering_price_existing_later": {"existing_from": DAY - datetime.timedelta(9999)},
    "ck_product_offering_price_period": ENDS_FIRST,
    "ck_product_offering_price_recurring_has_period": {"recurring_charge_period": None},
    "ck_product_offering_price_steps_of_usage": {"usage_charging": "tiered"},
    "ck_product_offering_price_tax_rate_not_negative": {"tax_rate": -1},
    "ck_product_offering_price_usage_has_unit": {"price_type": "usage", "recurring_charge_period": None},
    "ck_product_order_cancelled_has_date": {"state": "cancelled"},
    "ck_product_order_completed_after_order": {"state": "completed", "completion_date": LONG_AGO},
    "ck_product_order_ended_has_date": {"state": "completed"},
    "ck_product_order_item_monthly_price_not_negative": {"monthly_price": -1},
    "ck_product_order_item_one_time_price_not_negative": {"one_time_price": -1},
    "ck_product_order_item_position": {"position": 0},
    "ck_product_order_item_product": {"product_number": "PD00000001"},
    "ck_product_order_item_quantity": {"quantity": 0},
    "ck_product_order_item_term": {"term_months": 0},
    "ck_product_order_monthly_discount_not_negative": {"monthly_discount": -1},
    "ck_product_order_monthly_total_not_negative": {"monthly_total": -1},
    "ck_product_order_one_time_discount_not_negative": {"one_time_discount": -1},
    "ck_product_order_one_time_total_not_negative": {"one_time_total": -1},
    "ck_product_order_priority": {"priority": 5},
    "ck_product_order_requested_period": {"requested_start_date": AT, "requested_completion_date": LONG_AGO},
    "ck_product_spec_characteristic_cardinality": {"min_cardinality": 2, "max_cardinality": 1},
    "ck_product_spec_characteristic_value_default": {"value": None, "value_from": "1", "is_default": True},
    "ck_product_spec_characteristic_value_or_range": {"value_from": "1"},
    "ck_product_spec_relationship_another": {"target_id": literal_column("product_specification_id")},
    "ck_product_specification_cost_has_currency": {"cost_currency": None},
    "ck_product_specification_cost_of_third_party": {"origin": "own", "supplier_id": None},
    "ck_product_specification_cost_price_not_negative": {"cost_price": -1},
    "ck_product_specification_period": ENDS_FIRST,
    "ck_product_specification_revenue_share_not_negative": {"revenue_share": -1},
    "ck_product_specification_third_party_has_supplier": {"supplier_id": None},
    "ck_recertification_remind_days": {"remind_days": 0},
    "ck_review_limit_amount_not_negative": {"amount": -1},
    "ck_staff_change_another": {"colleague_id": literal_column("employee_id")},
    "ck_staff_change_colleague": {"kind": "leaver"},
    "ck_staff_change_review_amount_not_negative": {"review_amount": -1},
    "ck_ticket_escalation_has_target": {"kind": "hierarchical"},
    "ck_ticket_escalation_level": {"escalation_level": 6},
    "ck_ticket_escalation_period": {"taken_back_at": LONG_AGO},
    "ck_ticket_transfer_hop": {"hop": 0},
    "ck_trouble_ticket_closed_has_date": {"status": "closed", "resolution_date": AT + datetime.timedelta(days=9999)},
    "ck_trouble_ticket_expected_after_creation": {"expected_resolution_date": LONG_AGO},
    "ck_trouble_ticket_requested_after_creation": {"requested_resolution_date": LONG_AGO},
    "ck_trouble_ticket_resolved_after_creation": {"status": "resolved", "resolution_date": LONG_AGO},
    "ck_trouble_ticket_resolved_has_date": {"status": "resolved"},
}


def checks() -> dict[str, tuple[type, CheckConstraint]]:
    """The CHECKs of the subjects by name, without those that list the values of a Choices column."""
    found = {}
    for model in records():
        table = Model.metadata.tables[model.__tablename__]
        values = {f"ck_{table.name}_{c.name}" for c in table.columns if isinstance(c.type, ChoiceType)}
        for constraint in table.constraints:
            if model in VALID and isinstance(constraint, CheckConstraint) and constraint.name not in values:
                found[str(constraint.name)] = (model, constraint)
    return found


@pytest.mark.one_database
def test_every_check_is_tried_here():
    assert set(BROKEN) == set(checks())


@pytest.mark.all_cases
@pytest.mark.parametrize("name", sorted(BROKEN))
def test_what_contradicts_itself_is_refused_by_the_database_with_a_sentence(session, name):
    model, constraint = checks()[name]
    row = make(session, model)
    change = update(model).where(model.id == row.id).values(BROKEN[name])
    with pytest.raises(DBAPIError) as caught, session.begin_nested():
        session.connection().execute(change, execution_options={"unrecorded": "test of a CHECK"})
    told = refusal(caught.value)
    assert (str(told), told.field) == (str(constraint.info["message"]), constraint.info["field"])
    assert told.field in model.fields()


@pytest.mark.one_database
@pytest.mark.parametrize("dialect", [sqlite, postgresql, mysql, oracle], ids=lambda dialect: dialect.__name__[20:])
def test_tables_compile_and_checks_name_no_word_that_needs_quotes(dialect):
    preparer = dialect.dialect().identifier_preparer
    for model, constraint in checks().values():
        table = model_of(model.__tablename__).__table__
        assert str(CreateTable(table).compile(dialect=dialect.dialect()))
        words = set(str(constraint.sqltext).replace("(", " ").replace(")", " ").replace(",", " ").split())
        reserved = [column.name for column in table.columns if preparer.quote(column.name) != column.name]
        assert not words & {*reserved, "id"}, constraint.name
