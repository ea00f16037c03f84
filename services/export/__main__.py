"""`python -m services.export`: the export service on its port."""

from services.common.service import serve
from services.common.settings import load_settings

if __name__ == "__main__":
    settings = load_settings()
    serve("services.export.app:create_app", settings.export_port, settings)
