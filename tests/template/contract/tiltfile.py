"""The Tiltfile as Python runs it: calls of Tilt's functions are recorded."""

import builtins
import copy
import functools
import os
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.template.contract.objects import (
    Object,
    Render,
)


class Call:
    """A call that the Tiltfile makes: its name and arguments; it returns itself."""

    def __init__(self, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.name, self.args, self.named = name, args, named

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **named: Call(f"{self.name}.{name}", args, named)


class Refused(Exception):
    """What fail() raises."""


class Config:
    """Tilt's `config`: the settings that a user gives."""

    main_dir = "/project"
    tilt_subcommand = "up"

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings, self.enabled = settings, list[str]()

    def define_string(self, _: str, usage: str) -> None:
        assert usage

    def define_string_list(self, _: str, usage: str, args: bool) -> None:
        assert args, usage

    def parse(self) -> dict[str, Any]:
        return self.settings

    def set_enabled_resources(self, names: list[str]) -> None:
        self.enabled = names


class Builtins(dict[str, Any]):
    """Names of a Tiltfile: those whose answer counts are here, all others record their calls."""

    def __init__(
        self,
        project: Path,
        context: str,
        render: Render,
        delivery: str = "build",
        registry: str = "",
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.calls: dict[str, list[Call]] = {}
        self.project, self.render = project, render
        super().__init__(
            config=Config(settings or {}),
            v1alpha1=types.SimpleNamespace(
                **{
                    name: functools.partial(self.record, name)
                    for name in ("ui_button", "cmd", "ui_input_spec", "ui_text_input_spec", "start_on_spec")
                }
            ),
            decode_json=lambda _: {"delivery": delivery, "registry": registry},
            decode_yaml_stream=copy.deepcopy,
            encode_yaml_stream=lambda objects: objects,
            fail=self.fail,
            k8s_context=lambda: context,
            kustomize=self.kustomize,
            os=types.SimpleNamespace(environ=os.environ, path=types.SimpleNamespace(exists=self.exists)),
        )

    def run(self) -> dict[str, list[Call]]:
        """Run the Tiltfile, and return the calls that it made, by name."""
        exec(compile((self.project / "Tiltfile").read_text(), "Tiltfile", "exec"), self)
        return self.calls

    def fail(self, message: str) -> None:
        raise Refused(message)

    def kustomize(self, folder: str) -> list[Object]:
        self.record("kustomize", folder)
        return self.render(self.project / folder)

    def exists(self, path: str) -> bool:
        return (self.project / path).exists()

    def record(self, name: str, /, *args: Any, **named: Any) -> Call:
        call = Call(name, args, named)
        self.calls.setdefault(name, []).append(call)
        return call

    def __missing__(self, name: str) -> Callable[..., Call]:
        if hasattr(builtins, name):
            raise KeyError(name)
        return functools.partial(self.record, name)


TiltUp = Callable[[str], dict[str, list[Call]]]


def skaffold(project: Path) -> Object:
    config: Object = yaml.safe_load((project / "skaffold.yaml").read_text())
    return config
