"""Experiments on a board: what documents leave open about AscendCL (tools/board_check.sh)."""
