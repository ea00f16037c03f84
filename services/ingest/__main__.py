"""`python -m services.ingest`"""

from services.common.service import serve
from services.common.settings import load_settings
from services.ingest.paths import read_aliases

if __name__ == "__main__":
    settings = load_settings()
    read_aliases(settings.path_aliases)  # a slip ends us here, not one worker after the other
    serve("services.ingest.app:create_app", settings.ingest_port, settings)
