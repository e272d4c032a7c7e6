"""Which test types what each check, and each builder of remedies, prints; why some have none."""

_TYPED = "real/test_typed_remedies.py::test_remedies_of_"
_REPLICATION = f"{_TYPED}a_replication_heal_it_and_lose_no_key"
_SENTINEL = f"{_TYPED}sentinels_heal_them_and_lose_no_key"
_CLUSTER = f"{_TYPED}a_cluster_heal_it"
_BY_HAND = "real/test_remedies.py::test_the_printed_commands_repair_a_cluster"
_OWNER = "real/test_foreign_owner.py::test_slots_of_an_added_node_are_moved_back_with_their_keys"
_EMPTY = (
    "real/test_verdicts.py::"
    "test_a_shard_without_slots_is_a_fault_at_once_and_rebalanced_by_what_is_printed"
)
_COPIES = "real/test_damaged_copies.py::test_no_key_is_lost_that_any_copy_has"
_DOCTOR = "real/test_doctor.py::test_"
_TABLES = f"{_DOCTOR}a_node_that_lost_its_table_or_was_reset_is_named_and_its_remedy_works"
_STRANGE = f"{_DOCTOR}a_table_of_another_cluster_is_named_and_its_remedy_works"
_RISKS = f"{_DOCTOR}replication_that_would_break_is_named_and_a_frozen_node_costs_seconds"
_LEFT = f"{_DOCTOR}what_is_left_over_is_put_away_and_nothing_else"
_SAVING = "real/test_persistence.py::test_a_server_that_cannot_save_is_not_killed"
_HERE = "real/test_typed_remedies.py::test_"
_OVER = f"{_HERE}starting_over_loses_what_was_said_and_comes_up"
_PAUSED = f"{_HERE}a_paused_only_copy_is_killed_and_promoted_as_told_and_loses_no_key"
_HAND = "real/test_typed_by_hand.py::test_"
_OPEN = f"{_HAND}slots_without_an_owner_get_one_and_open_slots_are_closed"
_MACHINES = "real/test_typed_machine.py::test_"
_KERNEL = f"{_MACHINES}a_setting_of_the_kernel_is_changed"
_SHARED = f"{_MACHINES}a_setting_that_the_machine_shares_is_changed_in_a_copy_of_its_file"
_PIP = "real/test_install.py::test_pip_brings_a_server_that_answers_and_the_requested_version"
_CONF = f"{_MACHINES}a_refused_line_is_edited_and_the_server_started"
_FORMER = (
    "real/test_announced_replicas.py::"
    "test_what_a_replica_announced_before_is_judged_while_primaries_and_sentinels_have_it"
)

CHECKS: dict[str, str] = {
    "node.alive": _REPLICATION,
    "replication.chain": _REPLICATION,
    "replication.link": _REPLICATION,
    "replication.read-only": _REPLICATION,
    "replication.shape": _REPLICATION,
    "access.password": _REPLICATION,
    "access.bind": _REPLICATION,
    "config.drift": _REPLICATION,
    "config.uneven": _REPLICATION,
    "sentinel.primary": _SENTINEL,
    "sentinel.quorum": _SENTINEL,
    "failover.ready": _SENTINEL,
    "sentinel.leads": _SENTINEL,
    "sentinel.peers": _SENTINEL,
    "data.proof": _REPLICATION,
    "announce.reachable": _CLUSTER,
    "sentinel.replicas": _FORMER,
    "cluster.links": _CLUSTER,
    "cluster.members": _BY_HAND,
    "cluster.open-slots": _BY_HAND,
    "cluster.slots": _OWNER,
    "cluster.empty-shards": _EMPTY,
    "cluster.epochs": f"{_HAND}a_stale_epoch_is_raised_by_what_is_printed",
    "cluster.tables": _TABLES,
    "cluster.reset": _STRANGE,
    "replication.password": _RISKS,
    "replication.timeouts": _RISKS,
    "replication.buffers": f"{_DOCTOR}small_output_buffers_of_replicas_are_set_as_it_is_printed",
    "topology.runs": f"{_DOCTOR}what_stands_and_what_ended_by_itself_is_told_apart",
    "left.folders": _LEFT,
    "left.orphans": _LEFT,
    "left.secrets": _LEFT,
    "data.kept": "real/test_kept.py::test_a_log_that_was_removed",
    "memory.full": "real/test_verify.py::"
    "test_a_full_server_is_named_at_once_with_the_command_that_helps",
    "node.versions": "real/test_verify.py::test_another_engine_than_asked_for_is_told",
    "access.users": "real/test_users.py::test_users_changed_by_hand_are_found_and_set_back",
    "access.tls": "real/test_tls.py::test_another_ca_that_was_let_in_is_shut_out",
    "machine.server": _PIP,
    "machine.cli": _PIP,
    "machine.vulnerable": f"{_DOCTOR}a_vulnerable_server_names_a_later_one_here_that_up_then_uses",
    "machine.files": f"{_MACHINES}more_open_files_are_allowed_in_the_shell_that_is_used",
    "machine.overcommit": _SHARED,
    "machine.huge-pages": _SHARED,
    "machine.backlog": _KERNEL,
    "machine.memory": f"{_MACHINES}more_memory_than_there_is_is_lowered_live_and_in_the_file",
    "ports.free": f"{_MACHINES}the_program_that_holds_a_port_is_ended",
    "ports.ephemeral": _KERNEL,
    "config.starts": _CONF,
    "config.running": _CONF,
    "config.bind": "real/test_doctor_config.py::test_any_configuration_is_told_for_what_it_lets_in",
    "access.certificates": "real/test_certs.py::"
    "test_a_certificate_that_expires_soon_is_renewed_by_what_is_printed",
}
"""Check -> the test that types its remedy."""

CHECKS_NOT_TYPED: dict[str, str] = {
    "machine.tls": "installs a package of the system: pip has no server with TLS",
    "machine.swap": "adds 2 GB of swap to the machine, which all of its programs share",
    "placement.majority": "needs several hosts; test_rebalance_roles.py types the command",
    "config.firewall": "is for the firewall that the machine has, and it may have none",
    "hosts.reach": "is for the firewalls of the hosts",
}
"""Check -> why no test types what it prints: what that is."""

CHECKS_WITHOUT_COMMAND = (
    "cluster.state",
    "cluster.agreement",
    "replication.lag",
    "sentinel.hello",
    "machine.disk",
    "placement.hosts",
    "hosts.clock",
    "hosts.restart",
)
"""These print what to wait for or to look at; a command in one of their hints fails its test."""

BUILDERS: dict[str, str] = {
    "forget": _BY_HAND,
    "delete_user": _BY_HAND,
    "follow": _REPLICATION,
    "set_live": _REPLICATION,
    "move_slots": _OWNER,
    "takeover": "faults/test_logs.py::test_a_damaged_log_of_a_cluster",
    "truncate_log": "faults/test_logs.py::test_a_damaged_log_without_a_copy",
    "rebuild_node": _TABLES,
    "separate_cluster": "real/test_merged_clusters.py::"
    "test_merged_clusters_are_separated_by_what_up_names_and_neither_loses_a_key",
    "leave_cluster": f"{_HAND}an_empty_node_that_joined_another_cluster_leaves_it",
    "move_aside": _STRANGE,
    "reset_node": _STRANGE,
    "reset_anyway": "real/test_reset.py::test_what_a_replica_alone_has_is_given_up_by_force_only",
    "end_node": _PAUSED,
    "end_process": f"{_MACHINES}the_program_that_holds_a_port_is_ended",
    "settle_slots": _OPEN,
    "spread_slots": f"{_HAND}a_primary_without_slots_gets_its_share",
    "assign_slots": _OPEN,
    "reset_sentinels": _FORMER,
    "ask_primary": _COPIES,
    "use_primary": _COPIES,
    "give_up_unsaved": _SAVING,
    "remove_folder": _LEFT,
    "renew_ca": "real/test_certs.py::test_a_new_ca_is_made_only_when_asked_for",
    "rotate_passwords": "real/test_rotation.py::test_a_password_file_changes_on_running_servers",
    "accept_absence": "real/test_restart.py::test_a_server_alone",
    "drill_anyway": "real/test_drill_refused.py::test_a_replication_has_no_automatic_failover",
    "wipe": _OVER,
    "start_over": _OVER,
    "replace_file": _OVER,
    "import_over": "real/test_import.py::test_a_server_is_copied_while_it_is_written_to",
    "restore_over": "real/test_restore.py::test_over_data_only_by_what_is_printed",
}
"""Builder of a remedy -> the test that types what it makes."""

BUILDERS_NOT_TYPED: dict[str, str] = {}
"""Builder -> why no test types what it makes."""

COMMANDS: dict[str, str] = {
    "forget": r"CLUSTER FORGET",
    "delete_user": r"ACL DELUSER",
    "follow": r"REPLICAOF",
    "set_live": r"CONFIG SET",
    "move_slots": r"--cluster reshard",
    "takeover": r"CLUSTER FAILOVER TAKEOVER",
    "truncate_log": r"check-aof.* --fix",
    "rebuild_node": r"redistopo up .*--rebuild",
    "separate_cluster": r"redistopo up .*--primary",
    "leave_cluster": r"redis-cli .*CLUSTER RESET HARD",
    "move_aside": r"^mv ",
    "reset_node": r"redistopo reset",
    "reset_sentinels": r"SENTINEL RESET",
    "reset_anyway": r"redistopo reset .*--force",
    "end_node": r"redistopo kill",
    "end_process": r"^kill \d+$",
    "settle_slots": r"--cluster fix",
    "spread_slots": r"--cluster rebalance",
    "assign_slots": r"--cluster fix",
    "ask_primary": r"redistopo up --primary",
    "use_primary": r"redistopo up --primary",
    "give_up_unsaved": r"--force",
    "remove_folder": r"^rm -r",
    "renew_ca": r"certs renew --new-ca",
    "rotate_passwords": r"secret rotate",
    "accept_absence": r"--force",
    "drill_anyway": r"--force",
    "wipe": r"down --wipe",
    "start_over": r"down --wipe",
    "replace_file": r"--force",
    "import_over": r"--replace",
    "restore_over": r"redistopo restore .*--force",
}
"""Builder -> what the command that is typed contains."""
