"""`export kubernetes`: strictly valid for three versions of Kubernetes, and consistent."""

import re
from base64 import b64decode
from typing import Any

import pytest
import yaml
from support.exported import rendered
from support.forms import spread

from redistopo.errors import UsageError
from redistopo.export.exported_file import ExportedFile
from redistopo.export.kubernetes import instance_name, kubernetes_files, kubernetes_names
from redistopo.model.protocol.engine import Engine, Product, Version

_CASES: dict[str, dict[str, Any]] = {
    "cluster": {"name": "a.B_c-1", "acl": True},
    "replication": {"shape": "replication", "name": "7" + "x." * 30},
    "sentinel": {"shape": "sentinel", "name": "Shop", "port": 7000},
    "standalone": {"shape": "standalone"},
    "tls": {"tls": True, "name": "shop"},
}
_VERSIONS = ("1.30", "1.33", "1.36")
_HOSTILE = "p ${HOME} $(POD_IP) \"q' \\ {{ 7*7 }} #: é\x85"


def _objects(files: dict[str, ExportedFile]) -> list[dict[str, Any]]:
    """Every object that `kubectl apply -k` creates."""
    listed = yaml.safe_load(files["kustomization.yaml"].text)["resources"]
    assert set(listed) == set(files) - {"kustomization.yaml", "README.md"}
    return [one for name in listed for one in yaml.safe_load_all(files[name].text) if one]


def _of(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in objects if one["kind"] == kind]


def _pods(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Pod -> its template, of every StatefulSet."""
    return {
        f"{one['metadata']['name']}-{index}": one["spec"]["template"]
        for one in _of(objects, "StatefulSet")
        for index in range(one["spec"]["replicas"])
    }


@pytest.mark.parametrize("name", _CASES)
def test_a_strict_validator_accepts_every_object(name: str) -> None:
    validator = pytest.importorskip("kubernetes_validate", reason="no kubernetes-validate here")
    objects = _objects(rendered(kubernetes_files, **_CASES[name]))
    for version in spread(_VERSIONS, 1 if name != "cluster" else 3):
        for one in objects:
            validator.validate(one, version, strict=True)
    objects[-1]["spec"]["bogus"] = 1
    with pytest.raises(validator.ValidationError, match="bogus"):
        validator.validate(objects[-1], _VERSIONS[0], strict=True)


@pytest.mark.parametrize("name", _CASES)
def test_selectors_select_the_pods_that_they_are_for(name: str) -> None:
    objects = _objects(rendered(kubernetes_files, **_CASES[name]))
    pods = {pod: made["metadata"]["labels"] for pod, made in _pods(objects).items()}
    (service,) = _of(objects, "Service")
    (job,) = _of(objects, "Job") or [None]

    def selected(wanted: dict[str, str]) -> set[str]:
        return {pod for pod, labels in pods.items() if wanted.items() <= labels.items()}

    assert selected(service["spec"]["selector"]) == set(pods)
    if job:
        labels = job["spec"]["template"]["metadata"]["labels"]
        assert not service["spec"]["selector"].items() <= labels.items()
    for one in _of(objects, "StatefulSet"):
        own = {pod for pod in pods if pod.rpartition("-")[0] == one["metadata"]["name"]}
        assert selected(one["spec"]["selector"]["matchLabels"]) == own
        assert one["spec"]["serviceName"] == service["metadata"]["name"]
        affinity = one["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]
        (hard,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
        assert selected(hard["labelSelector"]["matchLabels"]) == own
    budgets = [selected(one["spec"]["selector"]["matchLabels"])
               for one in _of(objects, "PodDisruptionBudget")]  # fmt: skip
    assert sum(map(len, budgets)) == len(set().union(*budgets))
    assert set().union(*budgets) == (set(pods) if len(pods) > 1 else set())


@pytest.mark.parametrize("name", _CASES)
def test_what_a_pod_mounts_is_there(name: str) -> None:
    files = rendered(kubernetes_files, **_CASES[name])
    objects = _objects(files)
    (secret, *_), (scripts,) = _of(objects, "Secret"), _of(objects, "ConfigMap")
    jobs = [("", job["spec"]["template"]) for job in _of(objects, "Job")]
    for pod, template in [*_pods(objects).items(), *jobs]:
        for container in template["spec"]["containers"]:
            assert container["command"][1].removeprefix("/export/") in scripts["data"]
            for mount in container["volumeMounts"]:
                if mount["name"] == "secrets":
                    key = mount.get("subPath") or mount["subPathExpr"].replace("$(POD_NAME)", pod)
                    assert key in secret["data"]
    names = [one["metadata"]["name"] for one in objects]
    assert all(re.fullmatch(r"[a-z]([a-z0-9-]{0,50}[a-z0-9])?", one) for one in names)
    assert files["secret.yaml"].secret
    assert [path for path, one in files.items() if one.secret] == ["secret.yaml"]


def test_a_configuration_names_pods_by_names_that_last() -> None:
    objects = _objects(rendered(kubernetes_files, **_CASES["sentinel"]))
    data = _of(objects, "Secret")[0]["data"]
    replica = b64decode(data["redis-shop-shard1-1.conf"]).decode()
    assert "\nreplicaof redis-shop-shard1-0.redis-shop 6379\n" in replica
    sentinel = b64decode(data["redis-shop-sentinel-2.conf"]).decode()
    assert "sentinel resolve-hostnames no" not in sentinel
    monitor = sentinel.index("\nsentinel monitor Shop redis-shop-shard1-0.redis-shop 6379 2\n")
    assert sentinel.index("\nsentinel resolve-hostnames yes\n") < monitor


@pytest.mark.parametrize("name", _CASES)
def test_pods_of_a_cluster_meet_again_by_their_names(name: str) -> None:
    files = rendered(kubernetes_files, **_CASES[name])
    for template in _pods(_objects(files)).values():
        beside = [one["name"] for one in template["spec"]["containers"][1:]]
        assert beside == (["join"] if name in ("cluster", "tls") else [])
        assert ("join.sh" in files["configmap.yaml"].text) is bool(beside)


@pytest.mark.parametrize("name", ["cluster", "standalone"])
def test_a_hostile_password_arrives_as_it_is(name: str) -> None:
    case = {**_CASES[name], "acl": False}
    files = rendered(kubernetes_files, **case, password=_HOSTILE)
    (secret,) = _of(_objects(files), "Secret")
    assert b64decode(secret["data"]["password"]).decode() == _HOSTILE
    assert not any("7*7" in one.text for one in files.values())


def test_probes_do_not_end_a_server_that_loads() -> None:
    files = rendered(kubernetes_files)
    for template in _pods(_objects(files)).values():
        container = template["spec"]["containers"][0]
        assert container["livenessProbe"]["exec"]["command"][2] == "alive"
        assert container["readinessProbe"]["exec"]["command"][2] == "ready"


@pytest.mark.parametrize(
    ("topology", "name"),
    [("a.B_c", "redis-a-b-c"), ("x.", "redis-x"), ("9" * 63, f"redis-{'9' * 36}")],
)
def test_a_name_is_one_that_kubernetes_allows(topology: str, name: str) -> None:
    assert instance_name(topology) == name


def test_pods_without_a_password_are_refused() -> None:
    with pytest.raises(UsageError, match="export kubernetes"):
        rendered(kubernetes_files, auth=False)


def test_a_certificate_has_the_names_that_nodes_announce() -> None:
    files = rendered(kubernetes_files, names=kubernetes_names, **_CASES["tls"])
    objects = _objects(files)
    secret, client = _of(objects, "Secret")
    for pod, template in _pods(objects).items():
        container = template["spec"]["containers"][0]
        announced = container["args"][3].replace("$(POD_NAME)", pod)
        certificate = b64decode(secret["data"][f"{pod}.pem"]).decode().strip()
        names = certificate.partition(": ")[2].split(", ")
        assert names == [announced, "redis-shop", "localhost", "127.0.0.1"]
        conf = b64decode(secret["data"][f"{pod}.conf"]).decode()
        assert "\ncluster-preferred-endpoint-type hostname\n" in conf
    assert "PRIVATE KEY" in b64decode(client["data"]["tls.key"]).decode()
    assert "PRIVATE KEY" not in b64decode(client["data"]["tls.crt"]).decode()


def test_a_cluster_that_announces_no_names_has_no_certificates() -> None:
    old = Engine(product=Product.REDIS, version=Version(6, 2, 14))
    with pytest.raises(UsageError, match="addresses of pods"):
        rendered(kubernetes_files, names=kubernetes_names, engine=old, tls=True)
