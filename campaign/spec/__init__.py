"""From a campaign's TOML file to a plan: validated, expanded to conditions x seeds, identified."""

from campaign.spec.identity import identity as identity
from campaign.spec.identity import identity_fields as identity_fields
from campaign.spec.json_schema import json_schema as json_schema
from campaign.spec.load import load as load
from campaign.spec.plan_json import plan_from_json as plan_from_json
from campaign.spec.plan_json import plan_to_json as plan_to_json
from campaign.spec.resolve import resolve as resolve
from campaign.spec.run_config import read_run_config as read_run_config
from campaign.spec.run_config import write_run_config as write_run_config
from campaign.spec.spec import Spec as Spec
