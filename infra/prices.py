"""Prices of AWS, in dollars."""

PRICES_OF = "us-east-1, arm64, on demand, without free tier, as published in November 2026"
GB_SECOND = 0.0000133334
REQUESTS = 0.20
"""A million requests to a function."""
HTTP_API = 1.00
"""A million requests to the API."""
LOGS_GB = 0.50
LOGGED_BYTES = 900
"""Logged for each request: our line, Lambda's for start and end, and the API's."""
SNAPSHOT = 0.0000015046 * 730 * 3600
"""SnapStart keeps a snapshot: for each GB of a function's memory and month."""
MACHINE = 0.0168 * 730
"""A t4g.small (2 vCPU, 2 GB) for a month."""
