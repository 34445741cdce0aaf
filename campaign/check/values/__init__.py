"""What a value can be while a configuration is evaluated; depends on nothing else of the checker."""

# fmt: off
# isort: off
from campaign.check.values.callables import BoundMethod, Builtin, DescriptorObj, FuncObj, Partial, SuperObj
from campaign.check.values.class_objects import (
    DATACLASS_METHODS, ClassObj, DataField, ErrorObj, FieldObj, InstObj, unwrap_enum,
)
from campaign.check.values.containers import (
    PLAIN_DICT, DictObj, IteratorObj, ListObj, MappingDialect, Namespace, SetObj, TupleObj, View, as_dict,
    pairs_in_order,
)
from campaign.check.values.external_values import (
    EXTERNAL, EXTERNAL_TYPES, NEVER_EQUAL_TYPES, Effect, ExternalCall, ExternalName, Nondeterministic,
    Placeholder, SymbolicOperation, Unknown, is_external, is_never_equal, is_unevaluated,
    propagate_unknown,
)
from campaign.check.values.module_objects import ModuleObj
from campaign.check.values.reachability import (
    children, directly_reachable, input_versions, reachable, versions,
)
from campaign.check.values.value import CONSTANT_TYPES, NOWHERE, Key, Mutable, Origin, Value, is_constant

__all__ = [
    "CONSTANT_TYPES", "DATACLASS_METHODS", "EXTERNAL", "EXTERNAL_TYPES", "NEVER_EQUAL_TYPES", "NOWHERE",
    "PLAIN_DICT", "BoundMethod", "Builtin", "ClassObj", "DataField", "DescriptorObj", "DictObj", "Effect",
    "ErrorObj", "ExternalCall", "ExternalName", "FieldObj", "FuncObj", "InstObj", "IteratorObj", "Key",
    "ListObj", "MappingDialect", "ModuleObj", "Mutable", "Namespace", "Nondeterministic", "Origin",
    "Partial", "Placeholder", "SetObj", "SuperObj", "SymbolicOperation", "TupleObj", "Unknown", "Value",
    "View", "as_dict", "children", "directly_reachable", "input_versions", "is_constant", "is_external",
    "is_never_equal", "is_unevaluated", "pairs_in_order", "propagate_unknown", "reachable", "unwrap_enum",
    "versions",
]
