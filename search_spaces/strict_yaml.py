"""YAML read strictly: what YAML 1.1 would silently misread is refused, with its key and line."""

import re
from collections.abc import Hashable, Iterator
from typing import Any

import yaml

__all__ = ["dump_yaml", "parse_yaml"]

_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_EXPONENT = re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)[eE][-+]?[0-9]+")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+")
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_WORDS = frozenset({"yes", "no", "on", "off"})
_MOST_VALUES = 1_000_000
"""With every alias written out; a file of a few lines can stand for billions."""


def parse_yaml(text: str) -> Any:
    """Read one YAML document into plain values.

    Numbers with an exponent may do without the dot that YAML 1.1 asks for: ``1e-3`` is 0.001.

    Parameters
    ----------
    text : str

    Returns
    -------
    Any
        None for an empty document.

    Raises
    ------
    ValueError
        One line, if the text is not YAML; or, naming key and line, if a key is given twice, a
        number begins with 0 (``010`` would be 8) or is written to base 60 (``1:30`` would be 90),
        ``yes``, ``no``, ``on`` or ``off`` stands in a list, for a key or after ``fixed``, a date
        does not exist, or aliases repeat a value without end.
    """
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check(loader, node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ValueError(f"this is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ValueError("this is not YAML that can be read: it is nested too deeply") from None


def dump_yaml(values: Any) -> str:
    """Write plain values as YAML that :func:`parse_yaml` reads back the same."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=100)


class _Loader(yaml.SafeLoader):
    """A safe loader that knows more forms of numbers, so that they can be read or refused."""


class _Dumper(yaml.SafeDumper):
    """A safe dumper that quotes the texts that :class:`_Loader` takes for numbers."""


for _class in (_Loader, _Dumper):
    _class.add_implicit_resolver(
        _FLOAT, re.compile(f"(?:{_EXPONENT.pattern})$"), list("-+.0123456789")
    )
    _class.add_implicit_resolver(_INT, re.compile(f"(?:{_LEADING_ZERO.pattern})$"), list("-+0"))


def _check(loader: _Loader, root: yaml.Node) -> None:
    """Walk the tree of a document once, and count its values with every alias written out."""
    counts: dict[int, int] = {}
    open_nodes: set[int] = set()

    def visit(node: yaml.Node, path: str) -> int:
        key = id(node)
        if key in open_nodes:
            raise ValueError(
                f"{path or 'the document'}{_at_line(node)} contains itself; write it out"
            )
        if key not in counts:
            open_nodes.add(key)
            counts[key] = 1 + sum(visit(child, name) for child, name in _parts(loader, node, path))
            open_nodes.remove(key)
        if counts[key] > _MOST_VALUES:
            raise ValueError(
                f"{path or 'the document'} has more than {_MOST_VALUES:,} values with its aliases "
                "written out; leave out the aliases"
            )
        return counts[key]

    visit(root, "")


def _parts(loader: _Loader, node: yaml.Node, path: str) -> Iterator[tuple[yaml.Node, str]]:
    """Check a node, and yield what it consists of with the path of each part."""
    if isinstance(node, yaml.ScalarNode):
        _check_scalar(loader, node, path)
    elif isinstance(node, yaml.SequenceNode):
        for position, child in enumerate(node.value):
            child_path = _join(path, str(position))
            _check_choice(child, child_path)
            yield child, child_path
    elif isinstance(node, yaml.MappingNode):
        seen: dict[Hashable, yaml.Node] = {}
        for key_node, child in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue  # refused when it is constructed: it cannot be a key
            child_path = _join(path, key_node.value)
            if _is_word(key_node):
                raise ValueError(
                    f"{child_path}{_at_line(key_node)}: the key {key_node.value!r} would be read "
                    f"as a truth value; write '{key_node.value}' in quotes"
                )
            name = key_node.value
            if key_node.tag != "tag:yaml.org,2002:merge":
                _check_scalar(loader, key_node, child_path)
                name = loader.construct_object(key_node)
            if name in seen:
                raise ValueError(
                    f"the key {child_path} is given twice, in lines "
                    f"{seen[name].start_mark.line + 1} and {key_node.start_mark.line + 1}; "
                    "keep one of them"
                )
            seen[name] = key_node
            if name == "fixed":
                _check_choice(child, child_path)
            yield child, child_path


def _check_choice(node: yaml.Node, path: str) -> None:
    """Refuse a word that may be a text or a truth value, where the place does not tell which."""
    if isinstance(node, yaml.ScalarNode) and _is_word(node):
        raise ValueError(
            f"{path}{_at_line(node)}: {node.value} may be a text or a truth value; write "
            f"'{node.value}' in quotes, or true or false"
        )


def _check_scalar(loader: _Loader, node: yaml.ScalarNode, path: str) -> None:
    where, text = f"{path or 'the document'}{_at_line(node)}", node.value
    plain = node.style is None
    if plain and node.tag == _INT and _LEADING_ZERO.fullmatch(text):
        raise ValueError(
            f"{where}: a number does not begin with 0, got {text}; leave the 0 out, or write "
            f"'{text}' in quotes if it is a text"
        )
    if plain and node.tag in (_INT, _FLOAT) and _BASE_60.fullmatch(text):
        raise ValueError(
            f"{where}: {text} would be read to base 60, as YAML 1.1 says; write the number itself, "
            f"or '{text}' in quotes if it is a text"
        )
    try:
        loader.construct_object(node)
    except (ValueError, OverflowError) as error:  # a date that is none, an integer too long
        raise ValueError(f"{where}: {text[:40]!r} cannot be read ({error})") from None


def _is_word(node: yaml.ScalarNode) -> bool:
    return (
        node.style is None and node.tag == "tag:yaml.org,2002:bool" and node.value.lower() in _WORDS
    )


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _at_line(node: yaml.Node) -> str:
    return f" (line {node.start_mark.line + 1})"
