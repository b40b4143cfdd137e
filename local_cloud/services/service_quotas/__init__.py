"""Service Quotas: what an account may have, for the services that keep to it here."""

from local_cloud.services.service_quotas.account_quotas import AccountQuotas
from local_cloud.services.service_quotas.service import ServiceQuotas

__all__ = ["AccountQuotas", "ServiceQuotas"]
