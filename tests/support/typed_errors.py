# ruff: noqa: E501  (a site is one text, however long)
"""Which test types the command that the hint of an error has; why some have none.

A site is "module: text", see support.error_sites.
"""

_TYPED: dict[str, tuple[str, ...]] = {
    "cli/test_run.py::test_what_cannot_be_run_starts_no_server": (
        "ops/run.py: write it after --: redistopo run cluster -- pytest",
    ),
    "faults/test_logs.py::test_a_damaged_log_of_a_cluster": (
        "execute/early_exit.py: after OK: {}; redistopo up",
        "execute/early_exit.py: redistopo up --keep; then",
    ),
    "real/test_adopt.py::test_a_setting_reaches_the_servers_and_their_own_files": (
        "cli/commands/init.py: redistopo init --from {}",
    ),
    "real/test_adopt.py::test_a_user_without_config_sees_less_and_is_told_what": (
        "model/planning/decide_adopted.py: start it the way it was started before, then: redistopo up; if it is gone for good, remove it from [adopted]",
    ),
    "real/test_adopt.py::test_sentinels_are_adopted_with_the_name_that_they_have": (
        "ops/adopt.py: redistopo init --from {} --name {}",
    ),
    "real/test_again.py::test_a_password_taken_away_in_the_file_is_told_apart": (
        "session/local_preconditions.py: redistopo down, then up; data is kept",
    ),
    "real/test_all_reset.py::test_a_cluster_of_which_all_nodes_were_reset_comes_back_with_what_its_logs_have": (
        "model/planning/plan_rejoin.py: redistopo down, then redistopo up: loads what they have, and forms the cluster",
    ),
    "real/test_bad_luck.py::test_a_busy_port_names_its_holder_and_the_next_free_block": (
        "model/planning/guards.py: then run redistopo up again{}",
    ),
    "real/test_call.py::test_who_does_not_answer_is_shown": (
        "demo/backend.py: start it: redistopo up",
        "project/started_topology.py: start it: redistopo up",
    ),
    "real/test_certs.py::test_a_new_ca_is_made_only_when_asked_for": (
        "project/certificates.py: restore the files, or: redistopo down, then",
    ),
    "real/test_certs.py::test_another_host_is_for_stopped_nodes_which_get_certificates_for_it": (
        "model/planning/former_layout.py: redistopo down, then redistopo up: the data is kept",
    ),
    "real/test_damaged_copies.py::test_memory_wins_where_every_folder_was_replaced_by_an_older_copy": (
        "execute/shutdown.py: redistopo up, which prints how the data in memory is kept; or",
    ),
    "real/test_drill_refused.py::test_a_replication_has_no_automatic_failover": (
        "drill/preflight.py: measures the outage until the drill repairs it; redistopo init cluster, or init sentinel, has failover",
        "drill/preflight.py: redistopo failover runs a planned failover",
    ),
    "real/test_drill_refused.py::test_an_unhealthy_topology_is_not_drilled": (
        "drill/preflight.py: redistopo up repairs what it can, redistopo verify shows all findings",
    ),
    "real/test_failover.py::test_a_replication_under_load": (
        "model/planning/handover.py: redistopo up starts or resumes one; redistopo scale --replicas 1 adds one",
    ),
    "real/test_kept_settings.py::test_a_busy_server_is_left_running": (
        "execute/shutdown.py: redistopo call --node {} SCRIPT KILL (or FUNCTION KILL)",
    ),
    "real/test_leads.py::test_a_cluster_primary_without_its_data_does_not_start": (
        "model/planning/shard_copies.py: after OK: redistopo up",
    ),
    "real/test_local_hosts.py::test_up_a_lock_of_another_controller_and_down": (
        "project/trust.py: after a look at redistopo.toml: redistopo up --trust",
    ),
    "real/test_lost_files.py::test_a_pending_rotation_does_not_block_a_paused_node": (
        "execute/rotate_passwords.py: redistopo resume {}, {}",
        "model/planning/shard_copies.py: redistopo resume {}, then redistopo up",
        "ops/start.py: redistopo resume {}, then redistopo up",
    ),
    "real/test_lost_files.py::test_every_configuration_lost_is_no_topology_that_was_never_started": (
        "execute/rotate_passwords.py: to start it with the new one: redistopo down, then up",
    ),
    "real/test_nodes.py::test_start_makes_nobody_lead": (
        "ops/start.py: redistopo up inspects all nodes, and promotes the right one",
    ),
    "real/test_readdressed.py::test_up_that_is_refused_leaves_the_former_addresses_in_the_files": (
        "session/local_preconditions.py: redistopo up starts all nodes at the new addresses; the data is kept",
    ),
    "real/test_reset.py::test_keys_that_a_disk_brings_back_after_a_reset": (
        "model/planning/plan_rejoin.py: redistopo cli {} -- --rdb {}.rdb; then, to rejoin it",
        "model/planning/plan_rejoin.py: to keep a copy of its keys: redistopo start {}, then",
    ),
    "real/test_restart.py::test_what_would_lose_data_or_service_is_refused": (
        "model/planning/restart_losses.py: redistopo restart --rolling {} hands over first, and loses nothing",
        "ops/restart.py: redistopo restart --rolling restarts all of them, a few at a time",
    ),
    "real/test_restart.py::test_it_waits_for_nothing_that_a_dead_node_explains": (
        "model/planning/handover.py: redistopo up starts them",
        "model/state/selector.py: {}: no reply, so {} unknown: redistopo up starts or resumes what is down; or use a name",
        "model/state/selector.py: roles are those of running nodes: redistopo up; or use a name",
        "ops/rolling_restart.py: redistopo up, then the same command again",
    ),
    "real/test_sentinel_handover.py::test_a_primary_alone_hands_over_before_it_restarts": (
        "model/planning/handover.py: to promote the best replica: redistopo failover replica",
    ),
    "real/test_started_by_hand.py::test_up_starts_no_second_server_in_a_folder_where_a_users_own_runs": (
        "model/planning/guards.py: then redistopo up; otherwise redistopo restart {}",
    ),
    "real/test_trusted_folders.py::test_a_program_of_a_cloned_folder_is_not_run_before_it_is_trusted": (
        "project/trust.py: after a look at it: redistopo up --trust; or use another one with --engine",
    ),
    "real/test_typed_errors.py::test_a_topology_with_tls_is_made_in_another_folder_by_what_certs_prints": (
        "ops/certs.py: in another folder: redistopo init {} --tls",
        "ops/certs.py: redistopo up makes them",
    ),
    "real/test_typed_errors.py::test_verbs_before_the_first_up_name_what_makes_them_work": (
        "ops/secret.py: redistopo up makes one",
        "ops/secret.py: redistopo up makes the first one",
    ),
    "real/test_typed_errors.py::test_verbs_for_stopped_and_paused_nodes_name_what_starts_them": (
        "ops/cli.py: redistopo start, or redistopo up; or name a node that runs",
        "ops/drill.py: redistopo up brings it back",
        "ops/start.py: redistopo resume {}",
    ),
    "real/test_typed_refusals.py::test_a_folder_without_a_topology_gets_one": (
        "project/load.py: create one: redistopo init cluster",
    ),
    "real/test_typed_refusals.py::test_a_replica_and_its_primary_come_back": (
        "model/planning/handover.py: nothing was changed; see redistopo verify; redistopo up repairs",
        "model/planning/handover.py: redistopo up starts the primary, or promotes a replica that has its data",
        "ops/rolling_restart.py: see redistopo verify; redistopo up repairs",
    ),
    "real/test_typed_refusals.py::test_a_standalone_server_gets_what_a_verb_lacks": (
        "model/planning/handover.py: for replicas: redistopo init replication, or redistopo init cluster",
        'model/planning/restart_losses.py: persistence = "aof" in the topology file, then redistopo up, keeps it; or',
        "ops/secret.py: set auth = true, then redistopo down; redistopo up",
        "ops/start.py: set REDISTOPO_PASSWORD as it was; or redistopo up, which makes a new password",
    ),
    "real/test_typed_refusals.py::test_one_shard_of_a_cluster_is_named_and_its_others_started": (
        "model/planning/handover.py: redistopo up starts it",
        "model/planning/handover.py: select one: redistopo failover shard:{}",
        "model/planning/plan_node_reset.py: to start the others: redistopo start",
        "ops/start.py: redistopo up goes on with it",
    ),
    "real/test_typed_refusals.py::test_settings_of_sentinels_are_keys_of_the_file": (
        "model/planning/leadership.py: omit --primary; once all nodes run: redistopo failover {}",
        "model/topology/directives.py: change the key there, then redistopo up",
        "model/topology/directives.py: change {} in the topology file, then redistopo up",
    ),
    "real/test_typed_refusals.py::test_settings_that_set_cannot_change_are_edited": (
        "model/topology/directives.py: set it in the topology file, then redistopo restart --rolling",
        "session/failures.py: for settings that only change at a start: redistopo restart --rolling",
    ),
    "real/test_typed_remedies.py::test_starting_over_loses_what_was_said_and_comes_up": (
        "ops/init.py: replaces it; or keep it: redistopo up",
    ),
    "real/test_unread.py::test_a_node_of_ours_that_hides_info_is_a_fault_at_once_and_its_remedy_heals": (
        "execute/start.py: remove `rename-command {}` from [redis] and from files that it includes, then: redistopo up; if the node still runs: redistopo restart {}",
    ),
    "real/test_move_slots.py::test_a_slow_replica_ctrl_c_and_full_targets_while_slots_move": (
        "execute/close_slots.py: redistopo start {}",
    ),
    "real/test_scale.py::test_an_interrupted_change_is_taken_back": (
        "project/unfinished_changes.py: redistopo up finishes it, redistopo undo takes it back",
    ),
    "real/test_scale.py::test_only_a_healthy_topology_is_scaled": (
        "model/planning/refuse_unhealthy.py: redistopo up, then the same command again",
    ),
    "real/test_scale.py::test_mixed_versions_are_refused_and_upgraded_by_what_is_printed": (
        "model/planning/refuse_unhealthy.py: redistopo upgrade makes all nodes run the topology file's engine",
    ),
    "real/test_typed_changes.py::test_a_server_is_upgraded_as_it_is_printed": (
        'model/planning/refuse_unreadable.py: redistopo up --engine "{}"{}; installed servers: redistopo engines',
        "model/planning/upgrade.py: redistopo up starts it with the engine that the topology file asks for",
        'ops/upgrade.py: name one: redistopo upgrade --engine "valkey 9"; `redistopo engines` lists those on this machine',
        'ops/upgrade.py: unset {}, then redistopo upgrade --engine "{}"',
    ),
    "real/test_typed_changes.py::test_another_snapshot_is_found_where_one_cannot_be_used": (
        "snapshot/stored.py: name another one: redistopo snapshot NAME",
        "snapshot/stored.py: redistopo snapshots lists them; a snapshot elsewhere is named by its path",
        "snapshot/stored.py: use another one: redistopo snapshots --verify",
    ),
    "real/test_typed_changes.py::test_a_cluster_grows_and_shrinks_as_it_is_printed": (
        "execute/refused_move.py: raise its limit: redistopo set maxmemory SIZE",
        "model/planning/refuse_moves.py: raise its limit: redistopo set maxmemory SIZE; or move fewer slots",
        "snapshot/choose_sources.py: repair it: redistopo up",
        "ops/undo.py: to distribute slots evenly: redistopo rebalance; or to move some: redistopo move-slots SLOTS --to NODE",
        "ops/scale.py: for example: redistopo scale --shards 4, or redistopo scale --replicas 2",
        "model/planning/refuse_resize.py: with shards = {} in {}, raise the limit: redistopo set maxmemory SIZE",
        "model/planning/refuse_resize.py: redistopo scale --{} {}, then redistopo scale --{} {}",
    ),
    "real/test_drill_ended.py::test_up_repairs_what_a_killed_drill_did": (
        "project/unfinished_changes.py: redistopo up ends it",
    ),
    "real/test_move.py::test_what_is_in_the_way_is_named_and_nothing_changes": (
        "ops/clone.py: name another one: redistopo clone DIR",
        "model/planning/mixed_addresses.py: with an outage: {}; or stop them first: redistopo down",
        "ops/move.py: name other ports: redistopo move --port N",
        "ops/move.py: start a copy elsewhere: redistopo clone DIR; then stop this one: redistopo down",
    ),
    "real/test_move.py::test_ports_and_folder_change_and_nothing_else_does": (
        "ops/move.py: add --restart, which stops and starts them; or stop them first: redistopo down",
    ),
    "faults/test_killed_move.py::test_move": (
        "ops/rolling_move.py: redistopo up starts all nodes at the new addresses; the data is kept",
    ),
    "real/test_scale.py::test_what_means_nothing": (
        "ops/scale.py: redistopo init cluster, in another folder, has several",
        "ops/scale.py: redistopo init replication, in another folder, has replicas",
        "ops/scale.py: redistopo init sentinel, in another folder, has them",
    ),
    "real/test_rotation.py::test_a_rotation_that_was_cut_off_is_finished_by_up": (
        "ops/start.py: redistopo up brings it to its end first",
    ),
    "real/test_restore.py::test_an_older_engine_and_missing_databases_are_refused": (
        "model/planning/cluster_databases.py: use a topology without slots (redistopo init replication), or Valkey 9 with cluster-databases in [redis]",
    ),
    "real/test_open_slots.py::test_up_closes_a_slot_that_is_open_only_on_a_replica_unless_a_mover_may_be_at_work": (
        "execute/close_slots.py: wait until it has finished, then redistopo up",
    ),
    "real/test_users.py::test_slots_move_only_if_the_users_have_the_rights": (
        "model/planning/slot_rights.py: add them to conf/users.acl.j2, then redistopo up",
    ),
}

ERRORS = {site: test for test, listed in _TYPED.items() for site in listed}
"""Site -> the test that types its command."""

_FORM = "is a form to fill in, or an edit of the user's own choice"
_ELSEWHERE = "is about another topology, in another folder"
_SERVES = "starts a web server that serves until Ctrl-C"
_PACKAGE = "installs a package; the command is typed for machine.server, see support.typed"
_VALUE = "needs a value that a server accepts and changes, which none here does"
_NODES = "changes the number of nodes, which the file has to say first"
_MOMENT = "needs a server that fails within the milliseconds of a step, or a disk that fails then"

ERRORS_NOT_TYPED = {
    "ops/adopt.py: use another folder: redistopo -C NAME init --from {}": _FORM,
    "model/planning/upgrade.py: use an engine that reads it: redistopo engines; or start the data of an earlier snapshot: redistopo snapshots, then redistopo restore NAME --into DIR": _FORM,
    "model/planning/adopt.py: give the address of a Sentinel: redistopo init --from HOST:26379": _FORM,
    "export/ansible.py: add [hosts], or run it here: redistopo export systemd DIR": _FORM,
    "ops/drill_host.py: redistopo drill failover: a fault of one node": _FORM,
    "host/fleet/engine_on_hosts.py: redistopo up installs {} there, then the same command again": "needs several hosts; tests/hosts/test_package_on_hosts.py types it",
    "host/fleet/fleet_network.py: redistopo drill host {} --fault partition": "needs several hosts; tests/hosts/test_drill_partition.py types it",
    "model/planning/shard_copies.py: redistopo start {}; then redistopo up, which prints how to promote it": "needs several hosts; real/test_growing_local_hosts.py types it, in the whole form",
    "cli/commands/demo.py: redistopo demo --check": _SERVES,
    "cli/commands/run.py: redistopo run cluster ... -- COMMAND": _FORM,
    "demo/backend.py: redistopo demo in a folder of your own: redistopo init cluster; redistopo up": _ELSEWHERE,
    "demo/backend.py: set REDISTOPO_PASSWORD to the value that redistopo up used": _FORM,
    "demo/web_server.py: use another port: redistopo demo --port {}": _SERVES,
    "drill/preflight.py: measures the outage until the drill repairs it; redistopo init cluster creates a topology with failover": _ELSEWHERE,
    "execute/early_exit.py: a command or a signal told it to end: redistopo up starts it again": _MOMENT,
    "execute/early_exit.py: stop the program that uses the port, then run redistopo up again": _MOMENT,
    "execute/handover.py: no write was lost; to repair: redistopo up": _MOMENT,
    "execute/handover.py: redistopo verify shows whether they agree by now; redistopo up repairs": _MOMENT,
    "ops/rolling_restart.py: redistopo verify shows whether they agree by now; redistopo up repairs": _MOMENT,
    "execute/handover_steps.py: redistopo up resumes paused nodes, and promotes one of the two": _MOMENT,
    "execute/rejoin_cluster.py: redistopo up goes on; redistopo verify shows why": _MOMENT,
    "execute/rejoin_cluster.py: run the same command again: redistopo up": _MOMENT,
    "execute/rotate_passwords.py: redistopo restart {}, or wait until it replies; {}": _MOMENT,
    "execute/shutdown.py: free disk space, then redistopo up, which compares the copies": _MOMENT,
    "execute/shutdown.py: wait longer with --timeout; earlier saved data is kept: redistopo up": _MOMENT,
    "host/engine_search.py: redistopo install; or by hand: {}": _PACKAGE,
    "model/planning/former_layout.py: change one of them, redistopo up, then the other": _NODES,
    "model/planning/former_layout.py: redistopo up adds or removes nodes; redistopo plan shows which": _NODES,
    "model/planning/guards.py: redistopo up resumes paused nodes": _MOMENT,
    'model/planning/guards.py: set formation = "instant" in the topology file, or redistopo install --with pip': _PACKAGE,
    "model/planning/install_recipe.py: redistopo install --with {}": _PACKAGE,
    "model/planning/server_packages.py: redistopo install --with {}; or a version: --with apt or pip": _PACKAGE,
    "model/topology/directives.py: set it in the topology file, then redistopo down; redistopo up": _FORM,
    "ops/cli.py: {}; or use: redistopo call COMMAND": _FORM,
    "ops/install.py: redistopo install --with": _PACKAGE,
    "ops/set.py: to set that: redistopo set {} {}": _VALUE,
    "ops/wait.py: start the others: redistopo up": _MOMENT,
    "project/trust.py: after a look at it: redistopo up --trust": "the same as for an engine",
    "render/topology_edit.py: set {} there by hand, then redistopo up": _FORM,
    "client/copy_keys.py: repair it: redistopo up": _MOMENT,
    "execute/recount_sentinels.py: redistopo up goes on": _MOMENT,
    "execute/remove_nodes.py: redistopo up goes on": _MOMENT,
    "execute/remove_nodes.py: redistopo up moves its slots, then removes it": _MOMENT,
    "model/planning/refuse_resize.py: set {} in {} again, then {}, then redistopo scale {}": _FORM,
    "model/planning/resizing.py: change {} first, redistopo up, then {}": _FORM,
    "model/planning/resizing.py: set shards = {} and replicas = {} in {} again, then redistopo scale --shards {}, then redistopo scale --replicas {}": _FORM,
    "ops/move.py: change it in {}, while its nodes are stopped; then: redistopo up": _FORM,
    "ops/move.py: copy the data: redistopo clone DIR; then redistopo down in this folder": _ELSEWHERE,
    'render/engine_edit.py: set engine = "{}" there by hand, then redistopo upgrade': _FORM,
    "ops/start_with_data.py: compare the snapshot with its digest: redistopo snapshots --verify": _MOMENT,
    "snapshot/data_check.py: use another one: redistopo snapshots --verify": _MOMENT,
    "snapshot/take.py: try again when there is less load; or without --pause: redistopo snapshot": _MOMENT,
}
"""Site -> why no test types its command."""
