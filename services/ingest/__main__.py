"""`python -m services.ingest`"""

from services.common.service import serve
from services.common.settings import load_settings

if __name__ == "__main__":
    settings = load_settings()
    serve("services.ingest.app:create_app", settings.ingest_port, settings)
