"""What firewalls print, as each of them prints it, against one port."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.doctor.firewall_rules import NAMES, FirewallSeen, PortExposure, exposure_of, ufw_conf

UFW = """\
Status: active
Logging: on (low)
Default: deny (incoming), allow (outgoing), disabled (routed)
New profiles: skip

To                         Action      From
--                         ------      ----
22/tcp                     ALLOW IN    Anywhere
7000:7005/tcp              ALLOW IN    Anywhere
6380                       ALLOW IN    192.168.1.0/24
6381/udp                   ALLOW IN    Anywhere
6382/tcp                   DENY IN     Anywhere
22/tcp (v6)                ALLOW IN    Anywhere (v6)
"""
FIREWALLD = """\
public (active)
  target: default
  icmp-block-inversion: no
  interfaces: eth0
  sources:
  services: dhcpv6-client redis ssh
  ports: 7000-7005/tcp 9000/udp
  protocols:
  forward: yes
  rich rules:
\trule family="ipv4" source address="10.0.0.0/8" port port="8000" protocol="tcp" accept
"""
NFT = """\
table inet filter {
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tct state established,related accept
\t\tiifname "lo" accept
\t\tmeta l4proto icmp accept
\t\ttcp dport { 22, 7000-7005 } accept
\t\tip saddr 10.0.0.0/8 tcp dport 6380 accept
\t\ttcp dport 6381 counter packets 3 bytes 180 accept
\t\tudp dport 6382 accept
\t}
\tchain forward {
\t\ttype filter hook forward priority filter; policy drop;
\t}
}
"""
NFT_REJECTS = """\
table ip filter {
  chain IN {
    type filter hook input priority 0; policy accept;
    tcp dport 6379 log prefix "redis " reject with tcp reset
    jump other
  }
}
"""
IPTABLES = """\
-P INPUT DROP
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m multiport --dports 7000:7005,9000 -m comment --comment "redis" -j ACCEPT
-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 6380 -j ACCEPT
-A INPUT -p udp -m udp --dport 6379 -j ACCEPT
"""
REFUSES = """\
-P INPUT ACCEPT
-A INPUT -p tcp -m tcp --dport 6381 -j REJECT --reject-with icmp-port-unreachable
"""
BY_IPTABLES = """\
# Warning: table ip filter is managed by iptables-nft, do not touch!
table ip filter {
\tchain INPUT {
\t\ttype filter hook input priority filter; policy accept;
\t\tiifname "lo" counter packets 0 bytes 0 accept
\t\tct state related,established counter packets 0 bytes 0 accept
\t\tmeta l4proto tcp tcp dport { 7000-7005, 9000 }  counter packets 0 bytes 0 accept
\t\tip saddr 10.0.0.0/8 tcp dport 6380 counter packets 0 bytes 0 drop
\t\ttcp dport 6381 counter packets 0 bytes 0 reject with icmp port-unreachable
\t}
}
"""
DOCKER = "-P INPUT ACCEPT\n-A INPUT -j KUBE-FIREWALL\n"
PF = """\
scrub-anchor "com.apple/*" all fragment reassemble
block drop in all
pass in proto tcp from any to any port = 22 flags S/SA keep state
pass in proto tcp from any to any port 7000:7005 flags S/SA
pass in proto tcp from 10.0.0.0/8 to any port = 6380
pass out all flags S/SA keep state
"""

CASES = [
    ("ufw", UFW, 22, PortExposure.OPEN),
    ("ufw", UFW, 7003, PortExposure.OPEN),
    ("ufw", UFW, 6380, PortExposure.SOME),
    ("ufw", UFW, 6381, PortExposure.CLOSED),
    ("ufw", UFW, 6382, PortExposure.CLOSED),
    ("ufw", UFW, 6379, PortExposure.CLOSED),
    ("ufw", UFW.replace("Default: deny", "Default: allow"), 6379, PortExposure.OPEN),
    ("ufw", "Status: inactive\n", 6379, PortExposure.OFF),
    ("ufw", "Status: active\n", 6379, PortExposure.UNKNOWN),
    ("firewalld", FIREWALLD, 7005, PortExposure.OPEN),
    ("firewalld", FIREWALLD, 6379, PortExposure.OPEN),
    ("firewalld", FIREWALLD, 26379, PortExposure.CLOSED),
    ("firewalld", FIREWALLD, 9000, PortExposure.CLOSED),
    ("firewalld", FIREWALLD, 8000, PortExposure.SOME),
    ("firewalld", FIREWALLD.replace("target: default", "target: ACCEPT"), 1, PortExposure.OPEN),
    ("firewalld", "not running\n", 6379, PortExposure.OFF),
    ("firewalld", "what?", 6379, PortExposure.UNKNOWN),
    ("nftables", NFT, 7001, PortExposure.OPEN),
    ("nftables", NFT, 6379, PortExposure.CLOSED),
    ("nftables", NFT, 6380, PortExposure.SOME),
    ("nftables", NFT, 6381, PortExposure.OPEN),
    ("nftables", NFT, 6382, PortExposure.CLOSED),
    ("nftables", NFT_REJECTS, 6379, PortExposure.CLOSED),
    ("nftables", NFT_REJECTS, 6380, PortExposure.SOME),
    ("nftables", NFT + NFT_REJECTS, 7000, PortExposure.SOME),
    ("nftables", "table ip nat {\n}\n", 6379, PortExposure.OPEN),
    ("iptables", IPTABLES, 7005, PortExposure.OPEN),
    ("iptables", IPTABLES, 9000, PortExposure.OPEN),
    ("iptables", IPTABLES, 6380, PortExposure.SOME),
    ("iptables", IPTABLES, 6379, PortExposure.CLOSED),
    ("iptables", DOCKER, 6379, PortExposure.SOME),
    ("iptables", REFUSES, 6381, PortExposure.CLOSED),
    ("iptables", REFUSES, 6379, PortExposure.OPEN),
    ("nftables", BY_IPTABLES, 6381, PortExposure.CLOSED),
    ("nftables", BY_IPTABLES, 6380, PortExposure.SOME),
    ("nftables", BY_IPTABLES, 9000, PortExposure.OPEN),
    ("nftables", BY_IPTABLES, 6379, PortExposure.OPEN),
    ("iptables", "-P INPUT ACCEPT\n", 6379, PortExposure.OPEN),
    ("iptables", "nothing", 6379, PortExposure.UNKNOWN),
    ("pf", PF, 22, PortExposure.OPEN),
    ("pf", PF, 7002, PortExposure.OPEN),
    ("pf", PF, 6379, PortExposure.CLOSED),
    ("pf", PF, 6380, PortExposure.SOME),
    ("pf", "block in quick all\npass in all\n", 6379, PortExposure.CLOSED),
    ("macOS", "Firewall is enabled. (State = 1)\n", 6379, PortExposure.SOME),
    ("macOS", "Firewall is disabled. (State = 0)\n", 6379, PortExposure.OFF),
    ("macOS", "?", 6379, PortExposure.UNKNOWN),
]


def _seen(name: str, said: str, *, active: bool | None = True) -> FirewallSeen:
    return FirewallSeen(name=name, command="x", active=active, output=said)


@pytest.mark.parametrize(("name", "said", "port", "exposure"), CASES)
def test_a_firewall_is_read(name: str, said: str, port: int, exposure: PortExposure) -> None:
    found = exposure_of(_seen(name, said), port)
    assert found.exposure is exposure, found
    assert found.evidence


@pytest.mark.parametrize("name", NAMES)
def test_what_tells_nothing_is_unknown_and_what_is_off_is_off(name: str) -> None:
    assert exposure_of(_seen(name, ""), 6379).exposure is PortExposure.UNKNOWN
    assert exposure_of(_seen(name, "", active=None), 6379).exposure is PortExposure.UNKNOWN
    assert exposure_of(_seen(name, "", active=False), 6379).exposure is PortExposure.OFF


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("# ufw\nENABLED=yes\nLOGLEVEL=low\n", True),
        ("ENABLED=no", False),
        ('ENABLED="yes"', True),
        ("#ENABLED=yes", None),
        ("", None),
        ("ENABLED=maybe", None),
    ],
)
def test_everybody_may_read_whether_ufw_is_on(text: str, on: bool | None) -> None:
    assert ufw_conf(text) is on


@given(st.sampled_from(NAMES), st.text(), st.integers(1, 65535))
def test_no_text_breaks_a_reader(name: str, said: str, port: int) -> None:
    assert exposure_of(_seen(name, said), port).evidence


@given(st.sampled_from([UFW, FIREWALLD, NFT, IPTABLES, PF]), st.data())
def test_no_cut_text_breaks_a_reader(text: str, data: st.DataObject) -> None:
    cut = text[: data.draw(st.integers(0, len(text)))]
    for name in NAMES:
        assert exposure_of(_seen(name, cut), 6379).evidence


@given(st.integers(1, 65535), st.integers(1, 65535), st.integers(1, 65535))
def test_a_span_means_its_ports(first: int, last: int, port: int) -> None:
    first, last = sorted((first, last))
    wanted = PortExposure.OPEN if first <= port <= last else PortExposure.CLOSED
    rules = f"-P INPUT DROP\n-A INPUT -p tcp -m multiport --dports {first}:{last} -j ACCEPT"
    assert exposure_of(_seen("iptables", rules), port).exposure is wanted
    chain = (
        "table inet f {\nchain i {\ntype filter hook input priority 0; policy drop;\n"
        f"tcp dport {first}-{last} accept\n}}\n}}\n"
    )
    assert exposure_of(_seen("nftables", chain), port).exposure is wanted
