"""The nodes of a topology over several hosts, behind the Host protocol; by Ansible."""
