"""Speed, one file a question, each held against a plain reference and the machine's own limit in the same run."""
