"""Metrics as text, and the files for Prometheus and Grafana."""

import json
import re
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from support.exported import rendered

from redistopo.export import gauges
from redistopo.export.exported_file import ExportedFile
from redistopo.export.prometheus import prometheus_files
from redistopo.export.prometheus_text import Gauge, metrics_text
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.credentials import Credentials, TlsTexts


def _files(plan: Plan, credentials: Credentials, _tls: TlsTexts) -> tuple[ExportedFile, ...]:
    return prometheus_files(plan, credentials)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(_TEXT, st.floats(allow_nan=False))
def test_any_label_and_value_is_read_as_it_was(label: str, value: float) -> None:
    text = metrics_text([Gauge(name="redistopo_x", help="H.", samples=(({"node": label}, value),))])
    (family,) = text_string_to_metric_families(text)
    assert [(one.labels, one.value) for one in family.samples] == [({"node": label}, value)]


def test_targets_have_the_labels_of_each_node() -> None:
    files = rendered(_files, shape="sentinel", name="a.B_c-1", replicas=1)
    found = json.loads(files["targets.json"].text)
    assert [one["labels"]["role"] for one in found] == ["primary", "replica", *["sentinel"] * 3]
    assert found[1] == {
        "targets": ["127.0.0.1:6380"],
        "labels": {"topology": "a.B_c-1", "shard": "1", "role": "replica", "node": "node2"},
    }


def test_the_files_are_what_prometheus_and_grafana_read() -> None:
    files = rendered(_files, name="a.B_c-1", tls=True)
    scraped = yaml.safe_load(files["prometheus.yml"].text)["scrape_configs"]
    jobs = {one["job_name"]: one for one in scraped}
    assert jobs["redis"]["file_sd_configs"] == [{"files": ["targets.json"]}]
    assert jobs["redis"]["relabel_configs"][0]["replacement"] == "rediss://$1"
    (group,) = yaml.safe_load(files["rules.yml"].text)["groups"]
    assert all('topology="a.B_c-1"' in rule["expr"] for rule in group["rules"])
    board = json.loads(files["dashboard.json"].text)
    ids = [one["id"] for one in board["panels"]]
    assert sorted(set(ids)) == ids
    places = [(one["gridPos"]["x"], one["gridPos"]["y"]) for one in board["panels"]]
    assert len(set(places)) == len(places)
    assert len(board["uid"]) <= 40
    assert not any(one.secret for one in files.values())


def test_the_dashboard_and_the_alerts_use_gauges_that_exist() -> None:
    known = set(re.findall(r'"(redistopo_\w+)"', Path(gauges.__file__).read_text()))
    files = rendered(_files)
    used = set(re.findall(r"redistopo_\w+", files["dashboard.json"].text + files["rules.yml"].text))
    assert used - {"redistopo_metrics"} <= known
    assert len(used) > 6
