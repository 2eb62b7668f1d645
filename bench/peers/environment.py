"""The peers' own Python environments: made once with venv and pip, pinned, used again afterwards."""

import shutil
import subprocess
import sys
from pathlib import Path

# distilabel 1.5.3 imports requests without asking for it; it used to come with an older huggingface_hub.
PINS = {
    "data_designer": ("data-designer==0.9.7",),
    "distilabel": ("distilabel[openai]==1.5.3", "requests==2.32.5"),
}


def python_of(peer: str, folder: Path) -> Path:
    """Return the interpreter of a peer's environment under `folder`, which is made if it is not there;
    SystemExit with pip's last lines if it cannot be."""
    packages = PINS[peer]
    home = folder / packages[0].replace("==", "-").replace("[openai]", "")
    python, done = home / "bin" / "python", home / "installed"
    if not done.exists():
        print(f"installing {packages[0]} into {home} (once)", file=sys.stderr, flush=True)
        # What an interrupted installation left is not trusted.
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
            capture_output=True,
            text=True,
        )
        if pip.returncode:
            raise SystemExit(
                f"{packages[0]} could not be installed:\n" + "\n".join(pip.stderr.splitlines()[-5:])
            )
        done.touch()
    return python
