"""The keys of the [hosts] table, and of the table of one machine in it."""

from redistopo.model.topology.spec import TopologyKey

_USER = r"(?:[A-Za-z_][A-Za-z0-9_.-]{0,63})?"
_USER_RULE = "must be a user name"

PACKAGE = r"(?:apt:[a-z0-9][a-z0-9.+-]*[a-z0-9](?:=[0-9](?:[A-Za-z0-9.+:~-]*[A-Za-z0-9])?)?)?"
"""Names and versions of Debian's packages (deb-control(5)); apt-get would read a last + or - as
what to do with one."""

HOSTS_KEYS: tuple[TopologyKey, ...] = (
    TopologyKey("inventory", str,
                doc="Ansible's inventory with the machines, instead of tables [hosts.NAME]; a "
                    "relative path begins at this file."),
    TopologyKey("group", str, pattern=r"[A-Za-z_][A-Za-z0-9_.-]*", rule="must be a group name",
                doc="Group of the inventory to use."),
    TopologyKey("user", str, pattern=_USER, rule=_USER_RULE,
                doc="User of SSH on each machine; default: as SSH's own configuration says."),
    TopologyKey("become", bool, doc="Become root on the machines, by sudo."),
    TopologyKey("base", str, pattern=r"(?:/[^/\x00-\x1f]+)*", rule="must be an absolute path",
                doc="Folder of the topology on each machine. Default: /var/lib/redistopo/NAME."),
    TopologyKey("service", str, pattern=r"(?:systemd|process)?", rule="must be systemd or process",
                doc="How servers are kept: systemd has a unit for each node, which starts it with "
                    "its machine; process has none, and `up` starts nodes. Default: systemd on "
                    "machines that run it and where redistopo is root."),
    TopologyKey("engine", str, pattern=r"(?:/[^\x00-\x1f]+)?",
                rule="must be the absolute path of a program",
                doc="Path of the server's program on each machine. Default: the one that is found "
                    "there."),
    TopologyKey("package", str, pattern=PACKAGE, rule='must be such as "apt:redis-server"',
                doc="Package that `up` installs on machines without a server that fits, as "
                    "apt:NAME or apt:NAME=VERSION; takes root there. Default: none."),
    TopologyKey("allow_colocated", bool,
                doc="Place nodes of one shard, or Sentinels, on one machine if there are too few "
                    "machines; its loss is then the loss of them all."),
)  # fmt: skip

MACHINE_KEYS: tuple[TopologyKey, ...] = (
    TopologyKey("address", str, pattern=r"[0-9A-Fa-f.:]{2,45}", required=True,
                rule="must be one IP address, such as 10.0.0.1",
                doc="Address that the machine's servers bind, and that clients and the other "
                    "machines connect to."),
    TopologyKey("zone", str, doc="What fails together, such as a rack: the nodes of a shard are "
                "placed in different zones."),
    TopologyKey("drain", bool, doc="Empty this machine before its removal: new nodes are placed on "
                "others, and its nodes are the first to be demoted and removed."),
    TopologyKey("user", str, pattern=_USER, rule=_USER_RULE, doc="User of SSH on this machine."),
    TopologyKey("port", int, least=0, most=65535, doc="Port of SSH; 0 is SSH's own default."),
    TopologyKey("ssh", str, pattern=r"(?:(?:::)?[A-Za-z0-9][A-Za-z0-9.:_-]*)?",
                rule="must be an address or a name",
                doc="Address or name for SSH, if it isn't `address`; local: this machine, without "
                    "SSH."),
)  # fmt: skip

MACHINE = r"(?!(?:all|ungrouped)$)[A-Za-z0-9][A-Za-z0-9_-]{0,62}"
"""The pattern of a machine's name; all and ungrouped are groups of each inventory of Ansible."""
