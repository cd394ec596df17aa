"""From an exported model to an OM for an Ascend, by ATC of CANN."""
