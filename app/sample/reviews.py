"""How the review of an order of the sample world goes: submitted, sent back perhaps, corrected, decided in the end."""

import datetime
from dataclasses import dataclass
from typing import Any

from app.models.order import ProductOrder, ReviewState
from app.models.order_review import Decision

# why an order is sent back, and what the clerk writes when it is put right; empty: the account to bill is entered
CORRECTIONS = {
    "安装地址不完整，请补充门牌号。": "门牌号已补充：12号楼2单元301室。",
    "The account to bill is missing.": "",
    "证件照片不清晰，请重新上传。": "身份证照片已重新上传。",
    "The contract is not signed.": "The signed contract has arrived.",
    "联系电话无人接听，请核实。": "已与客户核实联系电话。",
}
WHY_REFUSED = {
    "sent_back": list(CORRECTIONS),
    "rejected": ["该地址不在光纤覆盖范围内。", "Over the credit limit.", "重复下单，已有相同订单。"],
}
NO_ACCOUNT = next(reason for reason, text in CORRECTIONS.items() if not text)
TIMES_BACK = [0] * 41 + [1] * 7 + [2] * 2  # of fifty orders that get through


@dataclass(frozen=True)
class Course:
    """decisions: (decision, reason) in their order; moments: submitted, decided, submitted, decided, ..."""

    decisions: list[tuple[str, str]]
    moments: list[datetime.datetime]

    def submitted(self, number: int) -> datetime.datetime:
        return self.moments[2 * number]

    def decided(self, number: int) -> datetime.datetime:
        return self.moments[2 * number + 1]

    @property
    def submissions(self) -> int:
        return (len(self.moments) + 1) // 2

    @property
    def begins_without_account(self) -> bool:
        return bool(self.decisions) and self.decisions[0][1] == NO_ACCOUNT


def course_of(review: str, ordered: datetime.datetime, limit: datetime.datetime, dice: Any) -> Course:
    """All of it between the order and the limit, however short that is."""
    if review == ReviewState.NOT_SUBMITTED:
        return Course([], [])
    times = dice.choice(TIMES_BACK) if review in (ReviewState.APPROVED, ReviewState.SUBMITTED) else 0
    final = [] if review == ReviewState.SUBMITTED else [review]
    decisions = [Decision.SENT_BACK] * times + final
    reasons = iter(dice.sample(WHY_REFUSED["sent_back"], len(WHY_REFUSED["sent_back"])))
    told = [(str(one), _reason(one, reasons, dice)) for one in decisions]
    if NO_ACCOUNT in [reason for _one, reason in told[1:]]:  # it is missing at the first look, or never
        told = sorted(told, key=lambda one: (one[0] != Decision.SENT_BACK, one[1] != NO_ACCOUNT))
    minutes = [dice.randint(5, 90)]
    for number in range(len(decisions)):
        minutes.append(dice.randint(20, 360))
        if number < times:
            minutes.append(dice.randint(30, 400))
    room = (limit - ordered).total_seconds() / 60
    share = min(1.0, 0.9 * room / sum(minutes))
    moments, at = [], ordered
    for gap in minutes:
        at += datetime.timedelta(minutes=max(int(gap * share), 1))
        moments.append(at)
    return Course(told, moments)


def _reason(decision: str, reasons: Any, dice: Any) -> str:
    if decision == Decision.SENT_BACK:
        return str(next(reasons))
    return str(dice.choice(WHY_REFUSED[decision])) if decision in WHY_REFUSED else ""


def correct(order: ProductOrder, reason: str, account: Any) -> str:
    """Put right what it was sent back for; what the clerk says about it."""
    text = CORRECTIONS[reason]
    if not text:
        order.billing_account = account
        return "已补充付费账户。"
    order.description = "\n".join(filter(None, (order.description, text)))
    return text
