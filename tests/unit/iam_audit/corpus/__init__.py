"""Labelled accounts: what each must be found for, and nothing else."""

from tests.unit.iam_audit.corpus import escalations, identities, resources, statements, trusts
from tests.unit.iam_audit.corpus.case import Case

CASES: tuple[Case, ...] = (
    *statements.CASES,
    *escalations.CASES,
    *trusts.CASES,
    *identities.CASES,
    *resources.CASES,
)
