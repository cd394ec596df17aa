"""The options of every program: typed, frozen, with defaults from configs/default_config.yaml."""
