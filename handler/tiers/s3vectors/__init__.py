"""Amazon S3 Vectors. Built from AWS's description of the service, and never run against AWS."""
