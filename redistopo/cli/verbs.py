"""The verbs in groups, as `redistopo --help` lists them, and hints for the verbs of other tools."""

GROUPS = {
    "Create": {
        "init": "Write redistopo.toml for a topology.",
        "up": "Start the topology, form it, and verify that it works.",
        "connect": "Print how to connect: shell, Python, Node, Go, Java.",
        "run": "Run a command with a topology and its variables.",
        "plan": "Show what `up` would do now, and why.",
        "down": "Stop the topology; data is kept.",
    },
    "Operate": {
        "start": "Start nodes that don't run, with their data.",
        "stop": "Stop nodes after they saved their data.",
        "restart": "Restart nodes with the current configuration.",
        "failover": "Promote a replica; no acknowledged write is lost.",
        "set": "Set a directive on running servers and in the file.",
        "reset": "Remove a node from its cluster (CLUSTER RESET).",
        "secret": "Show the password, or change it without downtime.",
        "cli": "Open redis-cli or valkey-cli on a node.",
        "call": "Run a command on several nodes and show the replies.",
    },
    "Break": {
        "kill": "Send a signal to nodes; SIGKILL by default.",
        "pause": "Pause nodes (SIGSTOP): commands get no reply.",
        "resume": "Resume paused nodes (SIGCONT).",
        "drill": "Inject a fault under load, measure the outage, and repair.",
    },
    "Look": {
        "status": "Show each node: role, state, slots, memory, lag.",
        "verify": "Check that the topology works, and print the evidence.",
        "watch": "Show roles, slots, load, lag and links live; q quits.",
        "events": "Print role changes and faults as they happen.",
        "logs": "Print the logs of all nodes, merged by time.",
        "metrics": "Print roles, slots, lag and checks as metrics for Prometheus.",
        "wait": "Wait until the topology is healthy.",
        "doctor": "Check this machine and the topology, and suggest fixes.",
        "ps": "List your topologies on this machine, and orphans.",
        "explain": "Explain a topic, such as failover or slots.",
    },
    "More": {
        "demo": "Serve a web application that uses the topology as a cache.",
        "install": "Install a Redis or Valkey server, and test it.",
        "engines": "List the servers on this machine.",
        "render": "Write the redis.conf of each node.",
        "export": "Write files by which other programs run or watch the topology.",
        "bundle": "Collect logs and state for a bug report, without secrets.",
        "certs": "Renew the TLS certificates of a topology.",
        "url": "Print the URL of the primary or of a node, with the password.",
        "env": "Print the environment variables of an application, with the password.",
        "port": "Print the ports of nodes, one per line: redistopo port shard:2 primary.",
        "templates": "Export the configuration templates, to edit them.",
        "schema": "Print the JSON schema of redistopo.toml, for editors.",
        "help": "Show the help of a verb.",
        "version": "Print the version.",
    },
}
"""Each summary is the first sentence of its verb's own help."""

VERBS = {name: summary for verbs in GROUPS.values() for name, summary in verbs.items()}
