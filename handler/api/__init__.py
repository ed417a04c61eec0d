"""HTTP: application, routes, requests, answers, problems."""
