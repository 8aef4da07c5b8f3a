"""The workspace in which all faults are caused, one after the other."""

from collections.abc import Iterator

import pytest
from support.ports import free_port

from benchmarks.results import Results
from tests.cluster.conftest import bake, make_statistics_prompt
from tests.cluster.contexts import CONTEXTS, absence
from tests.cluster.faults.workspace import Workspace
from tests.cluster.machine import Machine, end
from tests.cluster.sessions import assert_nothing_left


@pytest.fixture(scope="session")
def workspace(machine: Machine, template_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Deployed by Tilt to the first cluster that answers, with statistics that are prompt."""
    context = next(name for name in CONTEXTS if not absence(machine, name))
    machine.use(context)
    project = bake(template_url, tmp_path_factory.mktemp("faults"), machine, context)
    make_statistics_prompt(project)
    results = Results("faults", context)
    results.say("| fault | recovered after | users | failed requests | requests lost from the statistics |")
    results.say("| --- | --- | --- | --- | --- |")
    workspace = Workspace(machine, context, project, ["tilt", "up", "--port", str(free_port())], results)
    workspace.start_tilt()
    yield workspace
    end(workspace.tilt, settle=90)
    assert_nothing_left(machine, context, project)
