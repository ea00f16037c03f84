"""`python -m services.identity`"""

from services.common.service import serve
from services.common.settings import load_settings

if __name__ == "__main__":
    settings = load_settings()
    serve("services.identity.app:create_app", settings.identity_port, settings)
