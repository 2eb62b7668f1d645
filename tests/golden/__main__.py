"""Write the golden texts anew, and remove those of renders that are gone."""

from tests.golden.renders import FOLDER, renders

texts = renders()
for path in FOLDER.glob("*.txt"):
    if path.name not in texts:
        path.unlink()
for name, text in texts.items():
    (FOLDER / name).write_text(text, encoding="utf-8")
