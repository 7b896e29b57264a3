"""The local stack: PostgreSQL and Valkey from wheels, and the product's own processes, under one supervisor.

`python -m devops.stack run | test [pytest's arguments] | stop`; `make` calls it. Data is kept under .data/.
"""
