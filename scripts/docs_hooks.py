"""What mkdocs asks while it builds the site: the generated pages of the reference."""

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from docs.reference import pages


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made of the schema, of conf/ and of the commands."""
    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files
