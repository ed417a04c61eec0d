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

# What keeps an index outside the function. S3 Vectors: read on 2026-09-20; what queries process
# beyond ten million vectors is the announcement of 2026-06-16, "up to 80 % lower", taken at its word.
BEYOND_PRICES_OF = "S3, S3 Express and S3 Vectors as published between June and November 2026"
S3_GB = 0.023
"""S3 Standard, a GB and month."""
S3_GETS = 0.40
"""A million GETs of S3 Standard."""
EXPRESS_GB = 0.11
"""S3 Express One Zone, a GB and month."""
EXPRESS_GETS = 0.03
"""A million GETs of S3 Express One Zone."""
VECTORS_GB = 0.06
"""S3 Vectors, a GB and month."""
VECTORS_PUT_GB = 0.20
"""A GB written to S3 Vectors."""
VECTORS_QUERIES = 2.50
"""A million queries of S3 Vectors, without what they process."""
VECTORS_PROCESSED = ((100_000, 0.004), (10_000_000, 0.002), (float("inf"), 0.0004))
"""A TB that queries process, up to so many vectors in the index."""
C7G_HOUR = 0.0363
"""A c7g.medium, one vCPU, for an hour."""
