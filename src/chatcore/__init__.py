"""The core of a chat backend: entities, rules, ports and use cases, without any I/O."""
