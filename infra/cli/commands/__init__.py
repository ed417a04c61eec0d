"""One file for each command of `querytower`: parse, call one function, show the outcome."""
