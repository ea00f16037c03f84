"""What is peculiar to the type of a field, between the API and a form. Pure."""

from __future__ import annotations

from services.contacts.ui.keeping.kept import Json


def shown_properties(said: object) -> Json:
    """By the names of the form."""
    if not isinstance(said, dict):
        return {}
    shown = {name: said[name] for name in ("yes", "no", "scale", "allowHtml") if name in said}
    if "list" in said:
        shown["choices"] = "\n".join(_line(str(one["label"]), str(one["value"])) for one in said["list"])
    return shown


def properties_of(kind: str, said: Json) -> Json:
    """As the API takes them; empty for a type that has none."""
    match kind:
        case "select" | "multiselect":
            return {"list": [_choice(line) for line in str(said["choices"]).splitlines() if line.strip()]}
        case "boolean":
            return {"yes": said["yes"], "no": said["no"]}
        case "number":
            return {"scale": said["scale"] or 0}
        case "textarea":
            return {"allowHtml": said["allowHtml"]}
    return {}


def _line(label: str, value: str) -> str:
    return label if label == value and "=" not in label else f"{label} = {value}"


def _choice(line: str) -> Json:
    """Behind the last = stands the value."""
    label, is_said, value = line.rpartition("=")
    return (
        {"label": label.strip(), "value": value.strip()} if is_said else {"label": line.strip(), "value": line.strip()}
    )
