"""What does a module need to stand alone? What it uses of others, what that uses, and no more."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping

from cnnbook.book._syntax import Import, Module, Part, Use

Name = tuple[str, str]  # a module and what it defines; "" for the module itself
Link = tuple[Use, int, Name | list[Import]]  # how many of the names of a use stand for what


class Needs:
    """What a module needs to stand alone.

    Args:
        root: The module.
        find: Gives the source of a module that is to be flattened in, None for any other.
        first: For tests: the name of the file that they test, and the names in it.
        stays: For tests: tells what cannot be copied; what needs that is left out with it.
        also: Further things to bring; ("module", "") for all that it does when it is imported.
    """

    def __init__(
        self,
        root: str,
        find: Callable[[str], str | None],
        first: tuple[str, Mapping[Name, str]] = ("", {}),
        stays: Callable[[Part], bool] | None = None,
        also: Iterable[Name] = (),
    ) -> None:
        self.find, (self.home, self.given) = find, first
        self.hosts = {module for module, _ in self.given}
        self.modules: dict[str, Module | None] = {}
        self.order: list[Module] = []  # what is imported first comes first
        self.links: dict[Part, list[Link]] = {}
        self.root = self._module(root)
        if not stays:  # what the root imports, others may import from it
            again = [self._resolve(root, local) for local in self.root.imports]
            also = [*also, *(each for each in again if isinstance(each, tuple) and each[1])]
        start = [
            *self.root.parts,
            *(part for name in also if name[1] for part in self._parts(name)),
        ]
        lost = self._lost(start, stays or (lambda part: False))
        if lost and not stays:
            raise ValueError(f"{root} uses a module as a value; that cannot be copied.")
        self.left_out = [name for part in self.root.parts if part in lost for name in part.names]
        self.parts, self.effects = self._keep(
            start, lost, {module for module, name in also if not name}
        )
        self.is_future = any(part.module.is_future for part in self.parts)

    def _load(self, name: str) -> Module | None:
        if name not in self.modules:
            source, self.modules[name] = self.find(name), None
            if source is not None:
                self.modules[name] = module = Module(name, source, self.find)
                for each in itertools.chain.from_iterable(module.imports.values()):
                    self._load(each.module)
                    self._load(f"{each.module}.{each.name}")
                self.order.append(module)
        return self.modules[name]

    def _module(self, name: str) -> Module:
        module = self._load(name)
        if module is None:
            raise ValueError(f"there is no module {name}.")
        return module

    def _parts(self, name: Name) -> list[Part]:
        return self._module(name[0]).defined[name[1]]

    def _resolve(self, module: str, name: str) -> Name | list[Import]:
        """Follow a name to its definition, to a module, or to an import that stays one."""
        here = self._module(module)
        if name in here.defined:
            return module, name
        for each in here.imports.get(name, []):
            if self._load(each.module) is None:
                return here.imports[name]
            if not each.name:
                root = each.module.partition(".")[0]
                return (root if each.local == root else each.module), ""
            if found := self._resolve(each.module, each.name):
                return found
            raise ValueError(f"{module}: {each.module} has no {each.name}.")
        return (f"{module}.{name}", "") if self._load(f"{module}.{name}") else []

    def _link(self, part: Part, use: Use) -> Link:
        """Follow a use, with the attributes behind it, as far as it leads through our modules."""
        if not use.names[0]:  # a parameter
            found = self._resolve(part.module.name, use.names[1])
            is_fixture = isinstance(found, tuple) and found[1] and self._parts(found)[0].is_fixture
            return use, 2, found if is_fixture else []
        found, length = self._resolve(part.module.name, use.names[0]), 1
        while isinstance(found, tuple) and not found[1] and length < len(use.names):
            behind = self._resolve(found[0], use.names[length])
            if found[0] in self.hosts and (isinstance(behind, list) or behind in self.given):
                break  # the first file has it
            found, length = behind or (found[0], ""), length + 1
        if isinstance(found, tuple) and found in self.given:
            local = use.names[0] if length == 1 else self.given[found]
            return use, length, [Import(self.home, self.given[found], local)]
        if isinstance(found, tuple) and not found[1] and found[0] in self.hosts:
            return use, length, [Import(self.home, "", use.names[0] if length == 1 else self.home)]
        return use, length, found

    def linked(self, part: Part) -> list[Link]:
        if part not in self.links:
            self.links[part] = [self._link(part, use) for use in part.uses]
        return self.links[part]

    def of(self, part: Part, depth: int = 99) -> Iterator[Part]:
        """Yield what a part needs; at depth 0 when it is defined, at depth 1 when it is called."""
        for use, _, found in self.linked(part):
            is_late = depth < 99 and use.is_hint and self.is_future
            if isinstance(found, tuple) and found[1] and use.depth <= depth and not is_late:
                yield from self._parts(found)

    def _all(self, parts: Iterable[Part]) -> set[Part]:
        found: set[Part] = set()
        todo = list(parts)
        while todo:
            if (part := todo.pop()) not in found:
                found.add(part)
                todo += self.of(part)
        return found

    def _lost(self, start: list[Part], stays: Callable[[Part], bool]) -> set[Part]:
        """Find what cannot be copied, and what needs that."""
        every = self._all(start)
        lost = {
            part
            for part in every
            if stays(part) or any(isinstance(f, tuple) and not f[1] for *_, f in self.linked(part))
        }
        while more := {part for part in every - lost if lost & set(self.of(part))}:
            lost |= more
        return lost

    def _keep(
        self, start: list[Part], lost: set[Part], whole: set[str]
    ) -> tuple[list[Part], list[Part]]:
        """Find all that is needed, in the order of the modules, and what acts when imported."""
        kept, effects = self._all(part for part in start if part not in lost), []

        def acts(part: Part) -> bool:
            if part.names or part in lost or part in kept or part.text.startswith("if __name__"):
                return False
            own = {each for each in self.of(part) if each.module is part.module}
            near = own or {each for each in kept if each.module is part.module}
            return part.module.name in whole or bool(near & kept)

        every = [part for module in self.order for part in module.parts]
        while more := [part for part in every if acts(part)]:
            effects += more
            kept |= self._all(more)
        return [part for part in every if part in kept], effects
