"""HTTP: routes, requests, answers, problems."""
