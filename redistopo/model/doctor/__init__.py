"""What `doctor` judges: a machine, its firewalls, any redis.conf, known vulnerabilities. Pure."""
